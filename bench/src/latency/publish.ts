import path from 'node:path';
import { applyBatch, type StreamState } from '@autopilot/apply-engine';
import { type CheckpointStore, openCheckpointStore } from '@autopilot/checkpoint';
import { draftEvent, type SyncEvent } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import type { HostAddress } from '../host/bench-host.ts';
import { liveSession, sessionTo } from '../host/connect-session.ts';
import { headOf } from '../host/head-of.ts';
import type { Trip } from './echo.ts';

/** Where an event has to be before it counts as applied. */
export type Until = 'applied in memory' | 'committed, NORMAL' | 'committed, FULL';

/**
 * An event that one session appends and another one applies: from the call to the end of the commit, by one clock. The
 * reader has a connection of its own.
 *
 * @param folder The store is made in it.
 */
export async function connectPublishing(
  address: HostAddress,
  stream: { readonly id: string; readonly epoch: string },
  until: Until,
  folder: string,
): Promise<Trip> {
  const store = until === 'applied in memory' ? undefined : await openStore(until, folder);
  let state = await headOf(address, stream.id, stream.epoch);
  // The store begins where the stream stands.
  if (store !== undefined) store.resetStream(stream.id, { ...state, reason: 'bench' });
  const reader = sessionTo(address.url, address.token, { followGranted: false });
  const writer = sessionTo(address.url, address.writerToken);
  let reached: (seq: bigint) => void = () => {};
  reader.listen((signal) => {
    if (signal.type !== 'batch') return;
    state = apply(store, state, signal.events);
    reached(state.seq);
  });
  reader.follow(stream.id, { epoch: stream.epoch, seq: state.seq });
  await Promise.all([liveSession(reader), liveSession(writer)]);
  const run = `${until} ${performance.now()}`;
  let count = 0;
  return {
    name: until,
    once: () => {
      const payload = { item: { id: `item_${count}`, text: 'x'.repeat(200), type: 'agentMessage' } };
      const draft = { stream_id: stream.id, kind: 'item/completed', payload, idempotency_key: `${run} ${count}` };
      count += 1;
      const next = state.seq + 1n;
      return new Promise((resolve, reject) => {
        const sent = performance.now();
        reached = (seq) => {
          if (seq >= next) resolve(performance.now() - sent);
        };
        writer.appendSyncEvent(draftEvent(draft)).catch(reject);
      });
    },
    close: async () => {
      await Promise.all([reader.close(), writer.close()]);
      await store?.close();
    },
  };
}

function openStore(until: Until, folder: string): Promise<CheckpointStore> {
  const scope = { environment: 'bench', database: 'bench', account: 'bench' };
  const synchronous = until === 'committed, FULL' ? 'FULL' : 'NORMAL';
  return openCheckpointStore({ file: path.join(folder, `${synchronous}.sqlite`), scope, synchronous, ...systemPorts });
}

function apply(store: CheckpointStore | undefined, state: StreamState, events: readonly SyncEvent[]): StreamState {
  const { applied, next } = applyBatch(state, events);
  const { stream_id, epoch, seq, chain } = next;
  store?.commit([{ stream_id, epoch, expected_seq: state.seq, events: applied, seq, chain }]);
  return next;
}
