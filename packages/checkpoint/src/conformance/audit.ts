import type { SyncEvent } from '@autopilot/sync-contract';
import type { ConflictRecord } from '../store.ts';
import { type Check, epoch, event, log, nextEpoch, streamId, type TestRunner } from './harness.ts';

const other = 'runtime.conformance.2';
const limits = { quarantined_per_stream: 2, resets_per_stream: 2 };

function conflict(seq: number, stream_id = streamId, reason = 'hash_differs'): ConflictRecord {
  return { stream_id, reason, event: event(seq, stream_id) };
}

function resetTo(seq: number) {
  return { epoch: nextEpoch, seq: BigInt(seq), chain: `floor ${seq}`, reason: `reason ${seq}` };
}

/** What went wrong is kept up to a limit, and counted beyond it. */
export function checkAudit(check: Check, expect: TestRunner['expect']): void {
  check('I23 of each stream the first conflicts are kept, and the others counted', async (store, under) => {
    await store.close();
    const opened = await under.open('alice', limits);
    const outcomes = [1, 2, 3, 1, 3, 4].map((seq) => opened.quarantine(conflict(seq)));
    expect(outcomes).toEqual(['kept', 'kept', 'counted', 'repeated', 'counted', 'counted']);
    expect(opened.quarantine(conflict(9, other, 'invalid_seq'))).toEqual('kept');
    const again = await under.reopen('alice', limits);
    expect(again.quarantined().map((one) => [one.stream_id, one.event.seq, one.times])).toEqual([
      [streamId, 1n, 2n],
      [streamId, 2n, 1n],
      [other, 9n, 1n],
    ]);
    const overflows = again
      .overflows()
      .map(({ stream_id, of, times, last_reason }) => [stream_id, of, times, last_reason]);
    expect(overflows).toEqual([[streamId, 'quarantine', 3n, 'hash_differs']]);
    expect([again.counts().quarantined, again.counts().quarantine_overflow]).toEqual([3, 3]);
  });

  check('I23 I24 what was counted is told by stream and kind', async (store, under) => {
    await store.close();
    const opened = await under.open('alice', limits);
    for (const stream_id of [other, streamId]) {
      for (const seq of [1, 2, 3]) opened.quarantine(conflict(seq, stream_id));
      for (const seq of [1, 2, 3]) opened.resetStream(stream_id, resetTo(seq));
    }
    opened.resetStream(streamId, resetTo(4));
    expect(
      opened.overflows().map(({ stream_id, of, times, last_reason }) => [stream_id, of, times, last_reason]),
    ).toEqual([
      [streamId, 'quarantine', 1n, 'hash_differs'],
      [streamId, 'resets', 2n, 'reason 4'],
      [other, 'quarantine', 1n, 'hash_differs'],
      [other, 'resets', 1n, 'reason 3'],
    ]);
    expect([opened.counts().quarantine_overflow, opened.counts().resets_overflow]).toEqual([2, 3]);
  });

  check('I23 a quarantine that was looked at is cleared, and has room again', async (store, under) => {
    await store.close();
    const opened = await under.open('alice', limits);
    for (const seq of [1, 1, 2, 3]) opened.quarantine(conflict(seq));
    opened.quarantine(conflict(5, other));
    expect(opened.clearQuarantine(streamId)).toEqual(4n);
    expect(opened.clearQuarantine(streamId)).toEqual(0n);
    expect(opened.quarantined().map(({ stream_id }) => stream_id)).toEqual([other]);
    expect(opened.overflows()).toEqual([]);
    expect(opened.quarantine(conflict(3))).toEqual('kept');
  });

  check('I23 one account neither counts nor clears the conflicts of another', async (_store, under) => {
    const full = await under.reopen('alice', limits);
    for (const seq of [1, 2, 3]) full.quarantine(conflict(seq));
    const stranger = await under.reopen('another', limits);
    expect(stranger.overflows()).toEqual([]);
    expect(stranger.quarantine(conflict(1))).toEqual('kept');
    expect(stranger.clearQuarantine(streamId)).toEqual(1n);
    expect((await under.reopen('alice', limits)).counts().quarantine_overflow).toEqual(1);
  });

  check('I24 of each stream the last resets are kept, and the older ones counted', async (store, under) => {
    await store.close();
    const opened = await under.open('alice', limits);
    for (const seq of [1, 2, 3, 4]) opened.resetStream(streamId, resetTo(seq));
    opened.resetStream(other, resetTo(7));
    const again = await under.reopen('alice', limits);
    expect(again.resets(streamId).map(({ to }) => to.seq)).toEqual([3n, 4n]);
    expect(again.resets(other).map(({ to }) => to.seq)).toEqual([7n]);
    expect(again.overflows().map(({ stream_id, of, times }) => [stream_id, of, times])).toEqual([
      [streamId, 'resets', 2n],
    ]);
    expect([again.counts().resets, again.counts().resets_overflow]).toEqual([3, 2]);
    again.clearQuarantine(streamId);
    expect(again.counts().resets_overflow).toEqual(2);
  });

  check('I24 a lower limit takes effect with the next reset', async (store, under) => {
    for (const seq of [1, 2, 3]) store.resetStream(streamId, resetTo(seq));
    const lower = await under.reopen('alice', { resets_per_stream: 1 });
    expect(lower.resets().length).toEqual(3);
    lower.resetStream(streamId, resetTo(4));
    expect(lower.resets().map(({ to }) => to.seq)).toEqual([4n]);
    expect(lower.counts().resets_overflow).toEqual(3);
  });

  check('I16 an event is told apart by everything that is of it', async (store) => {
    const [first] = log(0, 1);
    if (first === undefined) throw new Error('the log is too short');
    const variants: Partial<SyncEvent>[] = [
      {},
      { stream_id: other },
      { epoch: nextEpoch },
      { seq: 2n },
      { payload: '{}' },
      { payload_hash: event(2).payload_hash },
      { idempotency_key: 'another' },
    ];
    const record = (part: Partial<SyncEvent>) => ({
      stream_id: streamId,
      reason: 'hash_differs',
      event: { ...first, ...part },
    });
    expect(variants.map((part) => store.quarantine(record(part)))).toEqual(variants.map(() => 'kept'));
    expect(variants.map((part) => store.quarantine(record(part)))).toEqual(variants.map(() => 'repeated'));
    expect(store.quarantine({ ...record({}), reason: 'invalid_seq' })).toEqual('kept');
    expect(store.quarantine({ ...record({}), stream_id: other })).toEqual('kept');
    expect(store.quarantined(streamId).map((one) => one.event)).toEqual(
      [...variants, {}].map((part) => ({ ...first, ...part })),
    );
    expect(first.epoch).toEqual(epoch);
  });
}
