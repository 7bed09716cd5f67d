import { createRequire } from 'node:module';
import path from 'node:path';
import { askPart } from './ask-part.ts';
import type { Credentials } from './credentials.ts';
import { LaunchError } from './errors.ts';
import type { FeedKind } from './options.ts';
import type { PartSpec } from './part.ts';

const require = createRequire(import.meta.url);
/** The folder of a workspace package. */
export const folderOf = (name: string) => path.dirname(require.resolve(`${name}/package.json`));
const entryOf = (name: string) => path.join(folderOf(name), 'src', 'main.ts');
export const desktopEntry = entryOf('@autopilot/desktop');
export const controlEntry = entryOf('@autopilot/control');
const moduleBundle = path.join(folderOf('@autopilot/autopilot-sync'), 'dist', 'bundle.js');

/** What belongs to the agent, its keys among it, reaches the desktop only. */
export function withoutAgent(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(CODEX|OPENAI)_/.test(name)));
}

/** The recorded run of the Codex app-server that comes with the repository. */
export const recordedFeed = path.join(folderOf('@autopilot/testing'), 'fixtures', 'codex-app-server.jsonl');

/** The embedded SpacetimeDB host with the module. `owner` is the identity of control's owner subject. */
export function hostPart(options: {
  readonly dataDir: string;
  readonly database: string;
  readonly owner: string;
  readonly port: number;
}): PartSpec {
  return {
    name: 'spacetime',
    entry: entryOf('@autopilot/spacetime-embedded'),
    env: withoutAgent(process.env),
    args: [
      ...['--module', moduleBundle, '--database', options.database, '--owner', options.owner],
      ...['--listen', `127.0.0.1:${options.port}`, '--data-dir', path.join(options.dataDir, 'spacetime')],
      '--ready-json',
    ],
  };
}

/** Control, whose issuer is the loopback address it listens on. */
export function controlPart(options: {
  readonly dataDir: string;
  readonly database: string;
  readonly issuer: string;
  readonly spacetimeUrl: string;
  readonly credentials: Credentials;
  readonly publish: boolean;
}): PartSpec {
  return {
    name: 'control',
    entry: controlEntry,
    env: withoutAgent(process.env),
    args: [
      ...['--listen', new URL(options.issuer).host, '--issuer', options.issuer],
      ...['--data-dir', path.join(options.dataDir, 'control'), '--clients', options.credentials.clientsFile],
      ...['--spacetime', options.spacetimeUrl, '--database', options.database, '--ready-json'],
      ...(options.publish ? ['--publish', moduleBundle] : []),
    ],
  };
}

/** The desktop core with its feed. */
export function desktopPart(options: {
  readonly dataDir: string;
  readonly controlUrl: string;
  readonly credentials: Credentials;
  readonly port: number;
  readonly feed: FeedKind;
  readonly feedFile?: string | undefined;
  readonly paceMs?: number;
  readonly feedOnce?: boolean;
  readonly codexPrompt?: string | undefined;
  readonly codexDir?: string | undefined;
  /** The environment of the desktop and its agent; the launcher's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
}): PartSpec {
  return {
    name: 'desktop',
    entry: desktopEntry,
    args: [
      ...['--listen', `127.0.0.1:${options.port}`, '--data-dir', path.join(options.dataDir, 'desktop')],
      ...['--control', options.controlUrl, '--client-id', options.credentials.clientId],
      ...['--client-secret-file', options.credentials.secretFile, '--feed', options.feed, '--ready-json'],
      ...(options.feedFile === undefined ? [] : ['--feed-file', options.feedFile]),
      ...(options.paceMs === undefined ? [] : ['--feed-pace', String(options.paceMs)]),
      ...(options.feedOnce === true ? ['--feed-once'] : []),
      // One argument each: a text may begin with a dash.
      ...(options.codexPrompt === undefined ? [] : [`--codex-prompt=${options.codexPrompt}`]),
      ...(options.codexDir === undefined ? [] : [`--codex-dir=${path.resolve(options.codexDir)}`]),
    ],
    ...(options.env === undefined ? {} : { env: options.env }),
  };
}

/** Control owns the database, and the host must know the owner before control can reach it. */
export async function ownerIdentity(issuer: string): Promise<string> {
  const args = ['--print-owner-identity', '--issuer', issuer];
  const identity = (await askPart(controlEntry, args, withoutAgent(process.env))).trim();
  if (/^[0-9a-f]{64}$/.test(identity)) return identity;
  throw new LaunchError('part_failed', 'control did not print the identity of the database owner.');
}
