import type { HttpClient, LaneId, Ports, SocketFactory } from '@autopilot/sync-contract';
import { buildInfo } from './build-info.ts';
import { type Comms, type CommsOptions, type KhalaPlace, openComms } from './comms/open-comms.ts';
import type { Log } from './log.ts';
import { spacetimeLane } from './sync/spacetime-lane.ts';
import { type SyncCore, startSync } from './sync/start-sync.ts';
import type { SyncLaneFactory } from './sync/sync-lane.ts';
import { createTokenClient } from './sync/token-provider.ts';
import type { BridgeState } from './view-model/bridge-state.ts';
import type { FeedState } from './view-model/desktop-state.ts';
import { updateStandingAlarms } from './view-model/standing-alarms.ts';
import { ViewModel } from './view-model/view-model.ts';

/** What a core is made of: everything of a desktop but feed and page. */
export interface CoreOptions {
  /** Exists already. */
  readonly dataDir: string;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly environment: string;
  readonly pid: number;
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly log: Log;
  /** The environment of the process: only the toggles of the cutover are read from it. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Where khala is; undefined: no khala connection is ever opened. */
  readonly khala?: KhalaPlace | undefined;
  /** The SpacetimeDB lane unless another one is given. */
  readonly createLane?: SyncLaneFactory | undefined;
  /** Read this lane twice as long as it is open, and compare the two readers. */
  readonly nullRun?: LaneId | undefined;
  /** What this desktop publishes, for the view. */
  readonly feed?: () => FeedState | null;
  /** What control says of its bridge to Nostr, for the view. */
  readonly bridge?: () => BridgeState;
  /** For simulations: a unit that is given and kept in memory, other times. */
  readonly comms?: Partial<Pick<CommsOptions, 'dataDir' | 'unit' | 'limits' | 'pollMs' | 'heartbeatMs' | 'loadKhala'>>;
}

/** Sync, the decision about lanes, and the view of both. */
export interface Core {
  readonly view: ViewModel;
  readonly sync: SyncCore;
  readonly comms: Comms;
  /** Starts the lanes; nothing is connected before. */
  start(): void;
  close(): Promise<void>;
}

/**
 * Opens store, router and pipeline.
 *
 * @throws {DesktopError} `data_dir_locked`, `data_dir_unusable`, `store_foreign`.
 * @throws {CutoverError} `toggle_refused` when a toggle is set and the policy is of Stage 3.
 * @throws {DesktopError} `null_run_refused`.
 */
export async function startCore(options: CoreOptions): Promise<Core> {
  const { ports, log } = options;
  let sync: SyncCore | undefined;
  const started = { pid: options.pid, started_at: ports.clock.now(), build: buildInfo.client_build_id };
  const comms = await openComms({
    ...options,
    createLane: options.createLane ?? spacetimeLane(options),
    createReader: options.createLane ?? spacetimeLane({ ...options, readOnly: true }),
    ...options.comms,
    changed: () => view.touch(),
  });
  const view = new ViewModel({
    clock: ports.clock,
    boot: { ...started, environment: options.environment },
    lane: () => sync?.lane.facts() ?? noFacts,
    token: () => sync?.token() ?? null,
    feed: () => options.feed?.() ?? null,
    comms: () => comms.state(),
    ...(options.bridge === undefined ? {} : { bridge: options.bridge }),
  });
  try {
    const token = createTokenClient({ ...options, clock: ports.clock });
    sync = await startSync({ ...options, token, createLane: comms.createLane, view });
  } catch (error) {
    await comms.close();
    throw error;
  }
  const { lane } = sync;
  return {
    view,
    sync,
    comms,
    start() {
      lane.listen((signal) => {
        if (signal.type !== 'state') return;
        const { from, to, reason, message } = signal;
        log.info({ lane: lane.id, from, to, reason, message }, 'lane state');
        updateStandingAlarms(view, view.snapshot());
      });
      lane.start();
      comms.start(view);
    },
    async close() {
      // The last heartbeat tells of a lane that still stands.
      await comms.close();
      await sync?.close();
    },
  };
}

const noFacts = { attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null };
