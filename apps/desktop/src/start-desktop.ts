import { accessSync, constants, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createBridgeWatch } from './bridge/bridge-watch.ts';
import { createAskControl } from './comms/control-client.ts';
import { DesktopError } from './errors.ts';
import { type Feed, type FeedOptions, startFeed } from './feed/start-feed.ts';
import { type HealthServer, startHealthServer } from './server/start-server.ts';
import { type Core, type CoreOptions, startCore } from './start-core.ts';
import type { DesktopState } from './view-model/desktop-state.ts';
import { createFeedWatch } from './view-model/feed-watch.ts';
import { updateStandingAlarms } from './view-model/standing-alarms.ts';
import { stateJson } from './view-model/state-json.ts';
import { tickMs } from './view-model/view-model.ts';

/** What a desktop is made of. */
export interface DesktopOptions extends Omit<CoreOptions, 'feed' | 'bridge'> {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Made when it does not exist. */
  readonly dataDir: string;
  /** Undefined: nothing is published from here. */
  readonly feed?: FeedOptions | undefined;
  /** Where the built page is; beside the sources unless told otherwise. */
  readonly uiDir?: string;
}

/** A running desktop. */
export interface DesktopHandle {
  /** Of the health page, with its token. */
  readonly url: string;
  readonly token: string;
  state(): DesktopState;
  /** Ends everything; resolves when nothing is left running. */
  close(): Promise<void>;
}

const builtPage = path.join(import.meta.dirname, '..', 'dist', 'ui');

/**
 * Starts store, feed, health page and lanes, in this order. Feed and lanes know nothing of each other: either works
 * while the other does not.
 *
 * @throws {DesktopError} with everything that was already running stopped again.
 * @throws {CutoverError} `toggle_refused` when a toggle is set and the policy is of Stage 3.
 */
export async function startDesktop(options: DesktopOptions): Promise<DesktopHandle> {
  const { ports, log } = options;
  prepareFolder(options.dataDir);
  let core: Core | undefined;
  let feed: Feed | undefined;
  let server: HealthServer | undefined;
  let cancelTick = () => {};
  const bridge = createBridgeWatch({ ports, ask: createAskControl(options), changed: () => core?.view.touch() });
  const close = async () => {
    cancelTick();
    bridge.close();
    await server?.close();
    // Each on its own: one that hangs or fails must not keep the other from its orderly end.
    const ends = await Promise.allSettled([feed?.close(), core?.close()]);
    for (const end of ends) if (end.status === 'rejected') log.error({ err: end.reason }, 'a part did not end well');
  };
  try {
    core = await startCore({ ...options, feed: () => feed?.state() ?? null, bridge: () => bridge.state() });
    const { view } = core;
    const feedWatch = createFeedWatch(view, ports.clock);
    const tick = () => {
      const state = view.snapshot();
      updateStandingAlarms(view, state);
      feedWatch.look(state);
      view.tick();
      cancelTick = ports.scheduler.after(tickMs, tick);
    };
    if (options.feed !== undefined) feed = await startFeed({ ...options, ...options.feed });
    const listening = await startHealthServer({
      ...{ host: options.host, port: options.port, random: ports.random, scheduler: ports.scheduler },
      uiDir: options.uiDir ?? builtPage,
      stateJson: () => stateJson(view.snapshot()),
    });
    server = listening;
    view.listen(() => listening.poke());
    tick();
    core.start();
    bridge.start();
    return { url: server.url, token: server.token, state: () => view.snapshot(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function prepareFolder(dataDir: string): void {
  try {
    // Events may be private: the folder is for this account only.
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new DesktopError('data_dir_unusable', `The data folder "${dataDir}" cannot be used (${code}).`, { cause });
  }
}
