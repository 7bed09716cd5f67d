import { accessSync, constants, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { HttpClient, Ports, SocketFactory } from '@autopilot/sync-contract';
import { buildInfo } from './build-info.ts';
import { DesktopError } from './errors.ts';
import { type Feed, type FeedOptions, startFeed } from './feed/start-feed.ts';
import type { Log } from './log.ts';
import { type HealthServer, startHealthServer } from './server/start-server.ts';
import { spacetimeLane } from './sync/spacetime-lane.ts';
import { type SyncCore, startSync } from './sync/start-sync.ts';
import type { SyncLaneFactory } from './sync/sync-lane.ts';
import { createTokenClient } from './sync/token-provider.ts';
import type { DesktopState } from './view-model/desktop-state.ts';
import { createFeedWatch } from './view-model/feed-watch.ts';
import { updateStandingAlarms } from './view-model/standing-alarms.ts';
import { stateJson } from './view-model/state-json.ts';
import { tickMs, ViewModel } from './view-model/view-model.ts';

/** What a desktop is made of. */
export interface DesktopOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Made when it does not exist. */
  readonly dataDir: string;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly environment: string;
  /** Undefined: nothing is published from here. */
  readonly feed?: FeedOptions | undefined;
  readonly pid: number;
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly log: Log;
  /** The SpacetimeDB lane unless another one is given. */
  readonly createLane?: SyncLaneFactory;
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
 * Starts store, feed, health page and lane, in this order. Feed and lane know nothing of each other: either works while
 * the other does not.
 *
 * @throws {DesktopError} with everything that was already running stopped again.
 */
export async function startDesktop(options: DesktopOptions): Promise<DesktopHandle> {
  const { ports, log } = options;
  prepareFolder(options.dataDir);
  let sync: SyncCore | undefined;
  let feed: Feed | undefined;
  let server: HealthServer | undefined;
  let cancelTick = () => {};
  const started = { pid: options.pid, started_at: ports.clock.now(), build: buildInfo.client_build_id };
  const view = new ViewModel({
    clock: ports.clock,
    boot: { ...started, environment: options.environment },
    lane: () => sync?.lane.facts() ?? noFacts,
    token: () => sync?.token() ?? null,
    feed: () => feed?.state() ?? null,
  });
  const close = async () => {
    cancelTick();
    await server?.close();
    // Each on its own: one that hangs or fails must not keep the other from its orderly end.
    const ends = await Promise.allSettled([feed?.close(), sync?.close()]);
    for (const end of ends) if (end.status === 'rejected') log.error({ err: end.reason }, 'a part did not end well');
  };
  const feedWatch = createFeedWatch(view, ports.clock);
  const tick = () => {
    const state = view.snapshot();
    updateStandingAlarms(view, state);
    feedWatch.look(state);
    view.tick();
    cancelTick = ports.scheduler.after(tickMs, tick);
  };
  try {
    sync = await startSync({
      ...options,
      token: createTokenClient({ ...options, clock: ports.clock }),
      createLane: options.createLane ?? spacetimeLane(options),
      view,
    });
    if (options.feed !== undefined) feed = await startFeed({ ...options, ...options.feed });
    const listening = await startHealthServer({
      ...{ host: options.host, port: options.port, random: ports.random, scheduler: ports.scheduler },
      uiDir: options.uiDir ?? builtPage,
      stateJson: () => stateJson(view.snapshot()),
    });
    server = listening;
    view.listen(() => listening.poke());
    const { lane } = sync;
    lane.listen((signal) => {
      if (signal.type !== 'state') return;
      const { from, to, reason, message } = signal;
      log.info({ lane: lane.id, from, to, reason, message }, 'lane state');
      updateStandingAlarms(view, view.snapshot());
    });
    tick();
    lane.start();
    return { url: server.url, token: server.token, state: () => view.snapshot(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

const noFacts = { attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null };

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
