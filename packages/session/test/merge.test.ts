import type { PayloadHash, SyncEvent } from '@autopilot/sync-contract';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LiveRow } from '../src/module/event-rows.ts';
import type { StreamPage } from '../src/module/pages.ts';
import { StreamMerge } from '../src/streams/merge.ts';
import { upTo } from './support/harness.ts';

const hash: PayloadHash = `sha256:${'0'.repeat(64)}`;

function event(seq: number, epoch = 'e'): SyncEvent {
  return {
    stream_id: 's',
    epoch,
    seq: BigInt(seq),
    kind: 'k',
    payload: '{}',
    payload_hash: hash,
    idempotency_key: `${seq}`,
    committed_at: 1n,
  };
}

const row = (seq: number, epoch = 'e', inline = true): LiveRow => ({ event: event(seq, epoch), inline });

function page(after: number, count: number, head: number, fields: Partial<StreamPage> = {}): StreamPage {
  const events = upTo(after + count, after + 1).map((seq) => event(seq));
  return {
    status: 'ok',
    epoch: 'e',
    head: BigInt(head),
    head_chain: 'chain',
    first_kept: 1n,
    floor_chain: 'floor',
    fanout: 'inbox',
    route: '',
    events,
    more: after + count < head,
    ...fields,
  };
}

const seqs = (events: readonly SyncEvent[]) => events.map(({ seq }) => Number(seq));
const delivered = (outcome: ReturnType<StreamMerge['offerPage']>) =>
  outcome.type === 'ok' ? seqs(outcome.delivered) : outcome;

describe('StreamMerge', () => {
  test('rows that come before the first page wait for it', () => {
    const merge = new StreamMerge(null, 10);
    expect(merge.offerLive([row(4), row(3)]).delivered).toEqual([]);
    expect(merge.complete).toBe(false);
    expect(delivered(merge.offerPage(page(0, 2, 2), 0n))).toEqual([1, 2, 3, 4]);
    expect(merge.complete).toBe(true);
  });

  test('an empty epoch is no position', () => {
    const merge = new StreamMerge({ epoch: '', seq: 0n }, 10);
    expect(merge.position).toBeNull();
    merge.reset({ epoch: '', seq: 5n });
    expect([merge.position, merge.head]).toEqual([null, 0n]);
  });

  test('a gap is known until a page fills it', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 3n }, 10);
    expect(seqs(merge.offerLive([row(4)]).delivered)).toEqual([4]);
    expect(seqs(merge.offerLive([row(6)]).delivered)).toEqual([]);
    expect([merge.complete, merge.head]).toEqual([false, 6n]);
    expect(delivered(merge.offerPage(page(4, 2, 6), 4n))).toEqual([5, 6]);
    expect(merge.complete).toBe(true);
  });

  test('a row without its payload is known to exist, and only a page delivers it', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 1n }, 10);
    expect(merge.offerLive([row(2, 'e', false), row(3)]).delivered).toEqual([]);
    expect(merge.complete).toBe(false);
    expect(delivered(merge.offerPage(page(1, 1, 2), 1n))).toEqual([2, 3]);
  });

  test('duplicates are dropped and counted, from rows and from pages', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 3n }, 10);
    expect(merge.offerLive([row(2), row(3), row(4)])).toMatchObject({ duplicates: 2 });
    const outcome = merge.offerPage(page(3, 3, 6), 3n);
    expect(outcome).toMatchObject({ type: 'ok', duplicates: 1 });
    expect(delivered(outcome)).toEqual([5, 6]);
  });

  test('I4: an overflow drops what waits and remembers that it exists', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 0n }, 2);
    expect(merge.offerLive([row(3), row(4)]).overflowed).toBe(false);
    expect(merge.offerLive([row(5)]).overflowed).toBe(true);
    expect([merge.held, merge.head, merge.complete]).toEqual([0, 5n, false]);
    expect(delivered(merge.offerPage(page(0, 5, 5), 0n))).toEqual([1, 2, 3, 4, 5]);
  });

  test('a row of another epoch is never placed', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 1n }, 10);
    const outcome = merge.offerLive([row(2, 'other')]);
    expect([outcome.delivered.length, outcome.foreignEpoch, merge.head]).toEqual([0, true, 1n]);
  });

  test('statuses become outcomes with their floor', () => {
    const at = { epoch: 'e', seq: 2n };
    const floor = page(0, 0, 40, { first_kept: 11n });
    const breach = new StreamMerge(at, 10).offerPage({ ...floor, status: 'retention_floor_breach' }, 2n);
    expect(breach).toEqual({
      type: 'stale',
      reason: 'retention_floor_breach',
      floor: { epoch: 'e', seq: 10n },
      floor_chain: 'floor',
      head: 40n,
    });
    const changed = new StreamMerge(at, 10).offerPage({ ...floor, status: 'epoch_changed', epoch: 'f' }, 2n);
    expect(changed).toMatchObject({ type: 'stale', reason: 'epoch_changed', floor: { epoch: 'f', seq: 10n } });
    expect(new StreamMerge(at, 10).offerPage({ ...floor, status: 'denied' }, 2n)).toEqual({
      type: 'closed',
      code: 'forbidden',
    });
    expect(new StreamMerge(at, 10).offerPage({ ...floor, status: 'unknown_stream' }, 2n)).toEqual({
      type: 'closed',
      code: 'unknown_stream',
    });
  });

  test('a reader without a position is told the floor when the first events are gone', () => {
    const outcome = new StreamMerge(null, 10).offerPage(page(10, 5, 15, { first_kept: 11n }), 0n);
    expect(outcome).toMatchObject({ type: 'stale', reason: 'retention_floor_breach', floor: { seq: 10n } });
  });

  test('a host whose log is shorter than what it had sent has another history', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 9n }, 10);
    expect(merge.offerPage(page(9, 0, 7), 9n)).toMatchObject({ type: 'stale', reason: 'epoch_changed' });
  });

  test('a page is not too short when live rows moved the position while it travelled', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 5n }, 10);
    merge.offerLive([row(6), row(7)]);
    expect(delivered(merge.offerPage(page(5, 0, 5), 5n))).toEqual([]);
    expect(merge.position).toEqual({ epoch: 'e', seq: 7n });
  });

  test('I2: what was said to exist before a page was asked for, and is not there, is forgotten with its rows', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 5n }, 10);
    merge.noteHead(9n);
    merge.offerLive([row(8), row(9)]);
    expect(delivered(merge.offerPage(page(5, 1, 6), 5n, 9n))).toEqual([6]);
    expect([merge.head, merge.complete, merge.held]).toEqual([6n, true, 0]);
    // The sequences come again, as other events.
    expect(merge.offerLive([row(7), row(8)]).delivered).toHaveLength(2);
  });

  test('I2: what came while the page travelled is not forgotten', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 5n }, 10);
    merge.noteHead(7n);
    merge.offerLive([row(9)]);
    expect(delivered(merge.offerPage(page(5, 1, 6), 5n, 7n))).toEqual([6]);
    expect([merge.head, merge.complete, merge.held]).toEqual([9n, false, 1]);
  });

  test('a page with a hole is refused and moves nothing beyond it', () => {
    const merge = new StreamMerge({ epoch: 'e', seq: 0n }, 10);
    const broken = { ...page(0, 0, 9), events: [event(1), event(3)] };
    expect(merge.offerPage(broken, 0n)).toMatchObject({ type: 'broken' });
    expect(new StreamMerge({ epoch: 'e', seq: 0n }, 10).offerPage(page(3, 2, 9), 0n)).toMatchObject({ type: 'broken' });
  });

  test('I3: any interleaving of pages and live rows gives every sequence once, in order', () => {
    const step = fc.oneof(
      // Some rows of one transaction or of several: lost, repeated, in any order, with or without payload.
      fc.record({
        kind: fc.constant('rows' as const),
        rows: fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 8 }),
      }),
      // A page asked for after the position at some time in the past, answered with the log of some time.
      fc.record({
        kind: fc.constant('page' as const),
        age: fc.nat({ max: 5 }),
        head: fc.integer({ min: 0, max: 40 }),
        size: fc.integer({ min: 1, max: 12 }),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        (steps, limit, fresh) => {
          const merge = new StreamMerge(fresh ? null : { epoch: 'e', seq: 0n }, limit);
          const out: number[] = [];
          const past: (number | undefined)[] = [merge.position === null ? undefined : 0];
          const take = (events: readonly SyncEvent[]) => out.push(...seqs(events));
          const read = (asked: number, size: number, head: number) => {
            const count = Math.max(0, Math.min(size, head - asked));
            const outcome = merge.offerPage(page(asked, count, Math.max(head, asked)), BigInt(asked));
            if (outcome.type !== 'ok') throw new Error(`unexpected ${outcome.type}`);
            take(outcome.delivered);
          };
          for (const one of steps) {
            if (one.kind === 'rows')
              take(merge.offerLive(one.rows.map(([seq, inline]) => row(seq, 'e', inline))).delivered);
            else read(past.at(-1 - Math.min(one.age, past.length - 1)) ?? 0, one.size, one.head);
            past.push(merge.position === null ? undefined : Number(merge.position.seq));
            expect(out).toEqual(upTo(out.length));
            expect(Number(merge.position?.seq ?? 0n)).toBe(out.length);
            expect(merge.held).toBeLessThanOrEqual(limit);
          }
          // What is left is read as a follower does: page after page until there is no more.
          for (let turn = 0; turn < 50 && (out.length < 40 || !merge.complete); turn += 1) read(out.length, 12, 40);
          expect(out).toEqual(upTo(40));
          expect(merge.complete).toBe(true);
        },
      ),
      propertyRuns(200),
    );
  });
});
