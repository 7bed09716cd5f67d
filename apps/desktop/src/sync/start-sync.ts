import type { CheckpointStore } from '@autopilot/checkpoint';
import type { Ports } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { TokenState } from '../view-model/desktop-state.ts';
import type { ViewModel } from '../view-model/view-model.ts';
import { createAckQueue } from './ack-queue.ts';
import { appliedViewOf } from './applied-view.ts';
import { type Binding, bindingFile, readBinding, writeBinding } from './binding.ts';
import { openStore } from './open-store.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { createStoreUpkeep, type StoreUpkeep } from './store-upkeep.ts';
import type { SyncLane, SyncLaneFactory } from './sync-lane.ts';
import type { GrantedToken } from './token-provider.ts';

/** The sync side of the desktop. */
export interface SyncCore {
  readonly lane: SyncLane;
  token(): TokenState | null;
  close(): Promise<void>;
}

export interface SyncOptions {
  /** Exists already. */
  readonly dataDir: string;
  readonly environment: string;
  readonly clientId: string;
  readonly token: (signal: AbortSignal) => Promise<GrantedToken>;
  readonly createLane: SyncLaneFactory;
  readonly view: ViewModel;
  readonly ports: Ports;
  readonly log: Log;
}

/**
 * Opens the store and follows its streams; the lane does nothing before `lane.start()`.
 *
 * @throws {DesktopError} `data_dir_locked`, `data_dir_unusable`, `store_foreign`.
 */
export async function startSync(options: SyncOptions): Promise<SyncCore> {
  const { view, ports, log } = options;
  const bound = bindingFile(options.dataDir);
  let binding = readBinding(bound);
  let store = await openShown(options, binding);
  let token: GrantedToken | undefined;
  let pipeline: Pipeline | undefined;
  let upkeep: StoreUpkeep | undefined;
  let granted: readonly string[] = [];
  let closed = false;

  const applied = appliedViewOf(() => store);
  const lane = options.createLane(async (signal) => {
    const answer = await options.token(signal);
    await bind({ database: answer.database, identity: answer.identity });
    token = answer;
    return answer;
  }, applied);
  const acks = createAckQueue(ports.scheduler, (ack) => lane.acknowledge(ack));
  const startPipeline = () => {
    pipeline = createPipeline({ lane, store, view, acks, ports, log });
    pipeline.granted(granted);
    upkeep = createStoreUpkeep({ store, view, scheduler: ports.scheduler, log });
  };
  const endPipeline = () => {
    pipeline?.close();
    upkeep?.close();
    pipeline = undefined;
    upkeep = undefined;
  };
  /** Positions of another database or account are positions of other streams: they are kept apart. */
  const bindTo = async (next: Binding) => {
    if (binding?.database === next.database && binding.identity === next.identity) return;
    log.info({ database: next.database, identity: next.identity }, 'store bound');
    endPipeline();
    granted = [];
    await store.close();
    if (closed) return;
    store = await openShown(options, next);
    if (closed) return await store.close();
    binding = next;
    writeBinding(bound, next);
    startPipeline();
  };
  // One at a time: both lanes may ask for a token, and each answer may name another store.
  let lastBind: Promise<void> = Promise.resolve();
  const bind = (next: Binding): Promise<void> => {
    const turn = lastBind.then(() => bindTo(next));
    lastBind = turn.catch(() => {});
    return turn;
  };
  const unlistenState = lane.listen((signal) => {
    if (signal.type === 'state') view.laneState(signal);
  });
  const unlistenGrants = lane.onGranted((streamIds) => {
    granted = streamIds;
    pipeline?.granted(streamIds);
  });
  startPipeline();
  return {
    lane,
    token: () => {
      if (token === undefined) return null;
      const { issued_at, expires_at, refresh_after } = token;
      return { issued_at, expires_at, refresh_after };
    },
    async close() {
      closed = true;
      acks.close();
      await lane.close();
      unlistenGrants();
      unlistenState();
      await lastBind;
      endPipeline();
      await store.close();
    },
  };
}

async function openShown(options: SyncOptions, binding: Binding | undefined): Promise<CheckpointStore> {
  const { view, log } = options;
  const store = await openStore(options, binding, options.ports);
  if (store.recovered !== undefined) {
    const { reason, detail, restored_from } = store.recovered;
    const what = restored_from === 'previous' ? 'the previous generation is used' : 'everything is read again';
    view.raise('store_recovered', `The event store was ${reason} (${detail}); ${what}.`);
    log.error({ ...store.recovered }, 'store recovered');
  }
  return store;
}
