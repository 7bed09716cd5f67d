import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Credentials, prepareCredentials } from './credentials.ts';
import { LaunchError } from './errors.ts';
import { claimablePort } from './free-port.ts';
import type { LaunchOptions } from './options.ts';
import { nodeOptions, type Part, startPart } from './part.ts';

const require = createRequire(import.meta.url);
const folderOf = (name: string) => path.dirname(require.resolve(`${name}/package.json`));

const entries = {
  spacetime: path.join(folderOf('@autopilot/spacetime-embedded'), 'src', 'main.ts'),
  control: path.join(folderOf('@autopilot/control'), 'src', 'main.ts'),
  desktop: path.join(folderOf('@autopilot/desktop'), 'src', 'main.ts'),
};
const moduleBundle = path.join(folderOf('@autopilot/autopilot-sync'), 'dist', 'bundle.js');

/** Where a running lane is reached. */
export interface RunningLane {
  readonly spacetimeUrl: string;
  readonly controlUrl: string;
  /** With its per-start token. */
  readonly desktopUrl: string;
  readonly credentials: Credentials;
  /** Resolves with the first part that ends although nobody stopped it. */
  readonly broken: Promise<string>;
  /** Stops desktop, control and host, in this order. */
  stop(): Promise<void>;
}

export interface StartLaneOptions extends LaunchOptions {
  readonly dataDir: string;
  readonly feedFile: string | undefined;
  readonly log: (part: string, line: string) => void;
  readonly progress: (text: string) => void;
}

const readyWithinMs = 60_000;
const graceMs = 10_000;

/**
 * Starts the embedded host (unless another SpacetimeDB is named), control and the desktop as processes of their own.
 *
 * @throws {LaunchError} with everything that was already running stopped again.
 */
export async function startLane(options: StartLaneOptions): Promise<RunningLane> {
  const credentials = prepareCredentials(options.dataDir);
  const controlPort = await claimablePort(options.controlPort, '--control-port');
  const desktopPort = await claimablePort(options.desktopPort, '--desktop-port');
  const issuer = `http://127.0.0.1:${controlPort}`;
  const parts: Part[] = [];
  let stopping = false;
  const stop = async () => {
    stopping = true;
    for (const part of parts.toReversed()) await part.stop();
  };
  const start = async (name: string, entry: string, args: readonly string[]) => {
    options.progress(`starting ${name} ...`);
    const log = (line: string) => options.log(name, line);
    const part = await startPart({ name, entry, args }, { log, readyWithinMs, graceMs });
    parts.push(part);
    return part;
  };
  try {
    const spacetimeUrl = options.external?.uri ?? (await startHost(options, issuer, start));
    const control = await start('control', entries.control, controlArgs(options, credentials, issuer, spacetimeUrl));
    const desktop = await start(
      'desktop',
      entries.desktop,
      desktopArgs(options, credentials, control.ready.url, desktopPort),
    );
    const broken = Promise.race(
      parts.map(async (part) => {
        const { code, signal } = await part.ended;
        // An end that was asked for is no fault: this promise then stays open for ever.
        if (stopping) await new Promise<never>(() => {});
        return `${part.name} ended by itself (${signal ?? `code ${code}`}).`;
      }),
    );
    return { spacetimeUrl, controlUrl: control.ready.url, desktopUrl: desktop.ready.url, credentials, broken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Start = (name: string, entry: string, args: readonly string[]) => Promise<Part>;

async function startHost(options: StartLaneOptions, issuer: string, start: Start): Promise<string> {
  const port = await claimablePort(options.spacetimePort, '--spacetime-port');
  const owner = await ownerIdentity(issuer);
  const host = await start('spacetime', entries.spacetime, [
    ...['--module', moduleBundle, '--database', options.database, '--owner', owner],
    ...['--listen', `127.0.0.1:${port}`, '--data-dir', path.join(options.dataDir, 'spacetime'), '--ready-json'],
  ]);
  return host.ready.url;
}

/** Control owns the database; the host must know the owner before control can reach it. */
async function ownerIdentity(issuer: string): Promise<string> {
  const args = [...nodeOptions.filter((option) => !option.startsWith('--import')), entries.control];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...args,
    '--print-owner-identity',
    '--issuer',
    issuer,
  ]);
  const identity = stdout.trim();
  if (/^[0-9a-f]{64}$/.test(identity)) return identity;
  throw new LaunchError('part_failed', 'control did not print the identity of the database owner.');
}

function controlArgs(options: StartLaneOptions, credentials: Credentials, issuer: string, spacetime: string): string[] {
  return [
    ...['--listen', new URL(issuer).host, '--issuer', issuer, '--data-dir', path.join(options.dataDir, 'control')],
    ...['--spacetime', spacetime, '--database', options.database, '--clients', credentials.clientsFile, '--ready-json'],
    ...(options.external?.publish === true ? ['--publish', moduleBundle] : []),
  ];
}

function desktopArgs(options: StartLaneOptions, credentials: Credentials, control: string, port: number): string[] {
  return [
    ...['--listen', `127.0.0.1:${port}`, '--data-dir', path.join(options.dataDir, 'desktop'), '--control', control],
    ...['--client-id', credentials.clientId, '--client-secret-file', credentials.secretFile, '--ready-json'],
    ...['--feed', options.feed],
    ...(options.feed === 'recorded' && options.feedFile !== undefined ? ['--feed-file', options.feedFile] : []),
    ...(options.feed === 'recorded' ? ['--feed-pace', String(options.paceMs)] : []),
    ...(options.once ? ['--feed-once'] : []),
  ];
}
