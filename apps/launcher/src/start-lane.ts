import { type Credentials, prepareCredentials } from './credentials.ts';
import { findCodex } from './find-codex.ts';
import { claimablePort } from './free-port.ts';
import { controlPart, desktopPart, hostPart, ownerIdentity, recordedFeed } from './lane-parts.ts';
import type { LaunchOptions } from './options.ts';
import { type Part, type PartSpec, startPart } from './part.ts';

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
  if (options.feed === 'codex') options.progress(`Codex is ${await findCodex(options.codexDir)}`);
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
  const start = async (spec: PartSpec) => {
    options.progress(`starting ${spec.name} ...`);
    const log = (line: string) => options.log(spec.name, line);
    const part = await startPart(spec, { log, readyWithinMs, graceMs });
    parts.push(part);
    return part.ready.url;
  };
  const { dataDir, database } = options;
  try {
    const spacetimeUrl = options.external?.uri ?? (await startHost(options, issuer, start));
    const publish = options.external?.publish === true;
    const controlUrl = await start(controlPart({ dataDir, database, issuer, spacetimeUrl, credentials, publish }));
    const recorded =
      options.feed === 'recorded' ? { feedFile: options.feedFile ?? recordedFeed, paceMs: options.paceMs } : {};
    const desktopUrl = await start(
      desktopPart({
        ...{ dataDir, controlUrl, credentials, port: desktopPort, feed: options.feed, feedOnce: options.once },
        ...{ codexPrompt: options.codexPrompt, codexDir: options.codexDir },
        ...recorded,
      }),
    );
    const broken = Promise.race(
      parts.map(async (part) => {
        const { code, signal } = await part.ended;
        // An end that was asked for is no fault: this promise then stays open for ever.
        if (stopping) await new Promise<never>(() => {});
        return `${part.name} ended by itself (${signal ?? `code ${code}`}).`;
      }),
    );
    return { spacetimeUrl, controlUrl, desktopUrl, credentials, broken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startHost(
  options: StartLaneOptions,
  issuer: string,
  start: (spec: PartSpec) => Promise<string>,
): Promise<string> {
  const { dataDir, database } = options;
  const port = await claimablePort(options.spacetimePort, '--spacetime-port');
  return await start(hostPart({ dataDir, database, port, owner: await ownerIdentity(issuer) }));
}
