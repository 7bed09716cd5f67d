import { extendChain, genesisChain } from '@autopilot/sync-contract';
import type { StreamChange } from '../store.ts';
import {
  type Check,
  chainAt,
  change,
  codeOf,
  epoch,
  event,
  log,
  nextEpoch,
  position,
  refusalOf,
  streamId,
  type TestRunner,
} from './harness.ts';

const all = { after: 0n, limit: 100 };

/** A change of events at these sequences, of a stream that leaves the others out. */
function sparse(from: number, ...seqs: readonly number[]): StreamChange {
  const events = seqs.map((seq) => event(seq));
  const seq = BigInt(seqs.at(-1) ?? from);
  const before = from === 0 ? genesisChain(streamId) : sparseChain(from);
  const chain = events.reduce((link, one) => extendChain(link, one), before);
  return { stream_id: streamId, epoch, expected_seq: BigInt(from), events, seq, chain, contiguity: 'gaps-allowed' };
}

/** The chain of a stream that has every third event. */
function sparseChain(to: number): string {
  const events = log(0, to).filter(({ seq }) => seq % 3n === 0n);
  return events.reduce((link, one) => extendChain(link, one), genesisChain(streamId));
}

/** Old events go without the rest losing its proof, and streams may leave sequences out. */
export function checkRetention(check: Check, expect: TestRunner['expect']): void {
  check('I21 the oldest events are removed by parts, and the rest still gives the chain', async (store, under) => {
    store.commit([change(0, 10, { effects: [{ kind: 'notify', body: 'done' }] })]);
    expect(store.trim(streamId, { through: 7n, limit: 4 })).toEqual({ removed: 4, base_seq: 4n, more: true });
    expect(store.trim(streamId, { through: 7n, limit: 4 })).toEqual({ removed: 3, base_seq: 7n, more: false });
    expect(store.trim(streamId, { through: 7n, limit: 4 })).toEqual({ removed: 0, base_seq: 7n, more: false });
    const opened = await under.reopen();
    expect(position(opened)).toEqual({ epoch, seq: 10n, chain: chainAt(10) });
    expect(opened.load(streamId)?.base_chain).toEqual(chainAt(7));
    expect(opened.events(streamId, all)).toEqual(log(7, 10));
    expect(opened.verify(streamId)).toEqual({ outcome: 'consistent', events: 3 });
    expect([opened.hashAt(streamId, epoch, 7n), opened.seqOf(streamId, epoch, 'key-7')]).toEqual([
      undefined,
      undefined,
    ]);
    expect(opened.hashAt(streamId, epoch, 8n)).toEqual(event(8).payload_hash);
    expect(opened.effects(all).length).toEqual(1);
    opened.commit([change(10, 12)]);
    expect(opened.verify(streamId)).toEqual({ outcome: 'consistent', events: 5 });
  });

  check('I21 everything up to the watermark may go, and the stream goes on from there', async (store, under) => {
    store.commit([change(0, 3)]);
    expect(store.trim(streamId, { through: 99n, limit: 10 })).toEqual({ removed: 3, base_seq: 3n, more: false });
    const opened = await under.reopen();
    expect(position(opened)).toEqual({ epoch, seq: 3n, chain: chainAt(3) });
    expect(opened.verify(streamId)).toEqual({ outcome: 'consistent', events: 0 });
    opened.commit([change(3, 5)]);
    expect(opened.events(streamId, all)).toEqual(log(3, 5));
  });

  check('I21 what is no range, or of no stream, is refused', async (store) => {
    store.commit([change(0, 3)]);
    for (const limit of [0, 1.5, Number.NaN, 10_001]) {
      expect(codeOf(() => store.trim(streamId, { through: 1n, limit }))).toEqual('invalid_option');
      expect(codeOf(() => store.discardRetired(limit))).toEqual('invalid_option');
      expect(codeOf(() => store.reclaim(limit))).toEqual('invalid_option');
    }
    for (const through of [-1n, 2n ** 63n]) {
      expect(codeOf(() => store.trim(streamId, { through, limit: 1 }))).toEqual('invalid_option');
    }
    expect(codeOf(() => store.trim('runtime.other', { through: 1n, limit: 1 }))).toEqual('unknown_stream');
    expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 3 });
  });

  check('I7 events of replaced states are removed by parts, and no others', async (store) => {
    store.commit([change(0, 5)]);
    store.resetStream(streamId, { epoch: nextEpoch, seq: 9n, chain: 'floor', reason: 'epoch_changed' });
    expect([store.discardRetired(3), store.discardRetired(3), store.discardRetired(3)]).toEqual([3, 2, 0]);
    expect(position(store)).toEqual({ epoch: nextEpoch, seq: 9n, chain: 'floor' });
  });

  check('I17 effects of a replaced state are given until they are settled', async (store, under) => {
    store.commit([change(0, 2, { effects: [{ kind: 'notify', body: 'done' }] })]);
    store.resetStream(streamId, { epoch: nextEpoch, seq: 9n, chain: 'floor', reason: 'epoch_changed' });
    for (let left = 5; left > 0; left -= 1) store.discardRetired(10);
    const opened = await under.reopen();
    const [effect] = opened.effects(all);
    expect([effect?.epoch, effect?.seq, effect?.body]).toEqual([epoch, 2n, 'done']);
    expect(opened.settleEffect(effect?.id ?? -1n)).toEqual(true);
    expect(opened.discardRetired(10)).toEqual(0);
  });

  check('I19 verify recomputes hashes and chain, which commit does not', async (store) => {
    store.commit([change(0, 2)]);
    store.commit([change(2, 4, { chain: 'not the chain' })]);
    expect(store.verify(streamId)).toEqual({ outcome: 'damaged', reason: 'chain_differs', seq: 4n });
    expect(codeOf(() => store.verify('runtime.other'))).toEqual('unknown_stream');
    const damaged = { ...event(1), stream_id: 'runtime.other', payload: '{}' };
    const chain = extendChain(genesisChain('runtime.other'), damaged);
    store.commit([{ ...change(0, 1, { events: [damaged], chain }), stream_id: 'runtime.other' }]);
    expect(store.verify('runtime.other')).toEqual({ outcome: 'damaged', reason: 'payload_hash_mismatch', seq: 1n });
  });

  check('I22 events that do not give the chain are not removed', async (store) => {
    const events = log(0, 4).map((one) => (one.seq === 3n ? { ...one, payload: '{}' } : one));
    store.commit([change(0, 4, { events })]);
    expect(refusalOf(() => store.trim(streamId, { through: 3n, limit: 10 }))).toEqual({
      code: 'damaged',
      details: { stream_id: streamId, reason: 'payload_hash_mismatch', seq: '3' },
    });
    expect(store.events(streamId, all)).toEqual(events);
    expect(store.trim(streamId, { through: 2n, limit: 10 })).toEqual({ removed: 2, base_seq: 2n, more: false });
    expect(store.verify(streamId)).toEqual({ outcome: 'damaged', reason: 'payload_hash_mismatch', seq: 3n });
  });

  check('I25 a stream that leaves sequences out is stored, verified and cut', async (store, under) => {
    store.commit([sparse(0, 3, 6)]);
    store.commit([sparse(6, 9, 12)]);
    const opened = await under.reopen();
    expect(opened.load(streamId)?.contiguity).toEqual('gaps-allowed');
    expect(opened.events(streamId, { after: 4n, limit: 2 })).toEqual([event(6), event(9)]);
    expect(opened.verify(streamId)).toEqual({ outcome: 'consistent', events: 4 });
    expect([3n, 4n].map((seq) => opened.hashAt(streamId, epoch, seq))).toEqual([event(3).payload_hash, undefined]);
    expect(opened.trim(streamId, { through: 8n, limit: 10 })).toEqual({ removed: 2, base_seq: 6n, more: false });
    expect((await under.reopen()).verify(streamId)).toEqual({ outcome: 'consistent', events: 2 });
  });

  check('I25 what does not rise, or ends elsewhere, is refused where gaps are allowed too', async (store) => {
    store.commit([sparse(0, 3, 6)]);
    const wrong: Partial<StreamChange>[] = [
      { events: [event(6)] },
      { events: [event(9), event(9)] },
      { events: [event(12), event(9)] },
      { events: [event(9)], seq: 12n },
      { events: [event(9)], seq: 8n },
    ];
    for (const part of wrong) {
      expect(codeOf(() => store.commit([{ ...sparse(6, 9), ...part }]))).toEqual('invalid_change');
    }
    expect(store.load(streamId)?.seq).toEqual(6n);
  });

  check('I25 a stream is dense or not until a reset says otherwise', async (store, under) => {
    store.commit([change(0, 3)]);
    expect(refusalOf(() => store.commit([{ ...change(3, 4), contiguity: 'gaps-allowed' }]))).toEqual({
      code: 'invalid_change',
      details: { stream_id: streamId },
    });
    const floor = { epoch, seq: 3n, chain: sparseChain(3), reason: 'test' };
    store.resetStream(streamId, { ...floor, contiguity: 'gaps-allowed' });
    expect(codeOf(() => store.commit([change(3, 4)]))).toEqual('invalid_change');
    store.commit([sparse(3, 6)]);
    store.resetStream(streamId, { ...floor, seq: 6n, chain: sparseChain(6) });
    const opened = await under.reopen();
    expect(opened.load(streamId)?.contiguity).toEqual('gaps-allowed');
    opened.commit([sparse(6, 9)]);
    expect(opened.verify(streamId)).toEqual({ outcome: 'consistent', events: 1 });
    expect(opened.resetStream(streamId, { ...floor, contiguity: 'dense' }).contiguity).toEqual('dense');
    const neither = 'neither' as 'dense';
    expect(codeOf(() => opened.resetStream(streamId, { ...floor, contiguity: neither }))).toEqual('invalid_option');
    expect(codeOf(() => opened.commit([{ ...change(3, 4), contiguity: neither }]))).toEqual('invalid_option');
  });
}
