// What every stream source has to do, whatever way it hears of new events. Ids are those of SPEC.md.

import type { FakeConnection, FakeStream } from '@autopilot/testing/fake-host';
import { subscriptionError } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import type { Fanout, ReadMode } from '../../src/index.ts';
import { Harness, upTo } from './harness.ts';

/** One source, on the main connection of a session or on the other one. */
export interface SourceUnderTest {
  readonly fanout: Fanout;
  readonly readMode: ReadMode;
  /** Queries that one stream has open while it is listened to; 0 when it shares one with others. */
  readonly queries: number;
}

/** Adds the tests of the contract for one source. */
export function sourceConformance(name: string, { fanout, readMode, queries }: SourceUnderTest): void {
  /** A session that follows the stream `s` of the source beside a plain one, `beside`. */
  class World extends Harness {
    readonly stream: FakeStream;

    constructor(options: ConstructorParameters<typeof Harness>[0] = {}, events = 0) {
      super({ headPollMs: 2000, ...options });
      this.stream = this.host.stream('s', { fanout });
      this.host.stream('beside');
      this.host.append('s', events);
    }

    follow(after: bigint | null = null): void {
      this.session.follow('s', after === null ? null : { epoch: 'epoch-1', seq: after }, { readMode });
    }

    async started(after: bigint | null = null): Promise<this> {
      this.follow(after);
      this.session.follow('beside', null);
      this.session.start();
      await this.live();
      return this;
    }

    /** The connection that the stream is read over. */
    get connection(): FakeConnection {
      const found = this.host.open.find(({ watches }) => watches.has('s'));
      if (found === undefined) throw new Error('nobody watches the stream');
      return found;
    }

    /** The query sets of the source, by id. */
    get sets(): number[] {
      return [...this.connection.sets]
        .filter(([, list]) => list.length === 1 && /bell WHERE|public_event|live_inbox WHERE/.test(list[0] ?? ''))
        .map(([id]) => id);
    }

    async whole(count: number, from = 1): Promise<void> {
      await this.received('s', count - from + 1);
      await this.live();
      expect(this.seqs('s')).toEqual(upTo(count, from));
    }

    /** Nothing was lost on a way that it should not have taken, and nobody else noticed. */
    undisturbed(): void {
      const { counters } = this.session.status();
      expect(counters).toMatchObject({ gaps: 0, closes: {}, listener_errors: 0, illegal_transitions: 0 });
    }
  }

  describe(`${name}: a stream source`, () => {
    test.each([0, 1, 256, 257, 1100])(
      'S1: brings everything that was there, once and in order (%d events)',
      async (count) => {
        const w = await new World({}, count).started();
        await w.whole(count);
        w.host.append('s', 3);
        await w.whole(count + 3);
        w.undisturbed();
        // Nothing is subscribed on the way to the end, only there.
        const asked = w.host.log.filter((line) => /^subscribe .* WHERE /.test(line));
        const guessed = readMode === 'unconfirmed' ? 1 : 0; // its inbox, before a page has told
        expect(asked.length).toBeLessThanOrEqual(queries + 1 + guessed);
        expect(w.session.status().streams.s).toMatchObject({ source: fanout, read_mode: readMode, phase: 'live' });
        await w.close();
      },
    );

    test.each([1, 255, 256, 513])('S1: goes on after a position (%d of 513)', async (after) => {
      const w = await new World({}, 513).started(BigInt(after));
      w.host.append('s', 2);
      await w.whole(515, after + 1);
      await w.close();
    });

    test('S2: misses nothing of what is appended while it is opened, at any moment', async () => {
      for (let moment = 0; moment < 12; moment += 1) {
        const w = new World({ seed: moment + 1 }, 3);
        w.host.latency = () => 5;
        let messages = 0;
        w.host.intercept = () => {
          if (messages === moment) w.host.append('s', 2);
          messages += 1;
          return false;
        };
        await w.started();
        await w.sim.advance(200);
        await w.whole(messages > moment ? 5 : 3);
        // What one does not hear by itself, the poll would find; it must not have to.
        expect(w.session.status().counters.head_repairs).toBe(0);
        await w.close();
      }
    });

    test('S3: hears of each event as it comes, without leaving live', async () => {
      const w = await new World().started();
      const before = w.path.length;
      for (let n = 1; n <= 260; n += 1) {
        w.host.append('s', 2);
        await w.sim.advance(5);
      }
      await w.whole(520);
      // However they came: who was level with the stream hears of them live.
      expect(new Set(w.of('batch').map(({ source }) => source))).toEqual(new Set(['live']));
      expect(w.path).toHaveLength(before);
      w.undisturbed();
      await w.close();
    });

    test('S3: takes a burst of several segments and pages, all at one moment', async () => {
      const w = await new World({ pageSize: 60 }).started();
      w.host.append('s', 600);
      await w.whole(600);
      w.host.append('s', 1);
      await w.whole(601);
      await w.close();
    });

    test('S4: an event too large to travel along comes in its place', async () => {
      const w = await new World().started();
      const before = w.path.length;
      for (let n = 1; n <= 20; n += 1) {
        w.host.append('s', 1, n % 3 !== 0);
        await w.sim.advance(5);
      }
      await w.whole(20);
      expect(new Set(w.of('batch').map(({ source }) => source))).toEqual(new Set(['live']));
      expect(w.events('s').every(({ payload }, index) => payload === `{"seq":${index + 1}}`)).toBe(true);
      expect(w.path).toHaveLength(before);
      await w.close();
    });

    test('S5: what got lost on the way is read', async () => {
      const w = await new World({}, 4).started();
      // Nothing of these reaches anybody; the next one shows the gap, or else the poll does.
      const { sets } = w.connection;
      const kept = [...sets];
      sets.clear();
      w.host.append('s', 3);
      for (const [id, list] of kept) sets.set(id, list);
      w.host.append('s', 2);
      await w.whole(9);
      expect(w.session.status().counters.closes).toEqual({});
      await w.close();
    });

    test('S5: and so is the last one, which nothing follows', async () => {
      const w = await new World({}, 4).started();
      const { sets } = w.connection;
      const kept = [...sets];
      sets.clear();
      w.host.append('s', 3);
      for (const [id, list] of kept) sets.set(id, list);
      await w.whole(7);
      expect(w.session.status().counters.head_repairs).toBe(1);
      await w.close();
    });

    test('S6: a query that the server drops is asked again, and disturbs nobody', async () => {
      const w = await new World({}, 4).started();
      expect(w.sets).toHaveLength(queries);
      for (const id of w.sets) {
        w.connection.sets.delete(id);
        w.connection.send(subscriptionError(undefined, id, 'the plan failed'));
      }
      // While it is asked again, more comes: after the page that tells where to listen, before anything is heard.
      let more = true;
      w.host.intercept = (_connection, message) => {
        if (more && message.type === 'subscribe' && / WHERE /.test(message.queries[0] ?? '')) {
          more = false;
          w.host.append('s', 2);
        }
        return false;
      };
      w.host.append('s', 2);
      w.host.append('beside', 2);
      await w.received('beside', 2);
      await w.whole(queries > 0 ? 8 : 6);
      expect(w.session.status().counters.head_repairs).toBe(0);
      const { connection } = w;
      w.host.append('s', 2);
      await w.whole(queries > 0 ? 10 : 8);
      expect(w.connection).toBe(connection);
      expect(w.sets).toHaveLength(queries);
      expect(w.session.status().counters.closes).toEqual({});
      await w.close();
    });

    if (queries > 0) {
      test('S6: a query that the server refuses is asked again with pauses, and disturbs nobody', async () => {
        const w = new World({}, 4);
        let refused = 0;
        w.host.intercept = (connection, message) => {
          if (message.type !== 'subscribe' || !/ WHERE /.test(message.queries[0] ?? '') || refused >= 8) return false;
          refused += 1;
          connection.send(subscriptionError(message.request_id, message.query_set_id, 'not now'));
          return true;
        };
        const before = w.sim.now;
        await w.started();
        await w.whole(4);
        expect(refused).toBe(8);
        expect(w.sim.now - before).toBeGreaterThanOrEqual(750);
        w.host.append('s', 2);
        await w.whole(6);
        w.undisturbed();
        await w.close();
      });
    }

    test('S7: goes on after each cut without loss or repetition', async () => {
      const w = await new World({ pageSize: 7, seed: 5 }, 20).started();
      w.host.latency = () => Math.floor(w.sim.random() * 15);
      w.host.procedureDelay = () => Math.floor(w.sim.random() * 25);
      for (let round = 0; round < 40; round += 1) {
        w.host.append('s', 3, w.sim.random() < 0.8);
        await w.sim.advance(Math.floor(w.sim.random() * 600));
        for (const connection of w.host.open) if (w.sim.random() < 0.5) connection.cut();
      }
      await w.whole(140);
      await w.close();
    });

    test('S8: is handed over to a newer token while events come, without a gap', async () => {
      const w = await new World({}, 20).started();
      w.host.latency = () => 10;
      const due = Math.min(...[w.session.status().token_refresh_after ?? 0]) - w.sim.now;
      await w.sim.advance(due - 50);
      const path = w.path.length;
      for (let n = 1; n <= 150; n += 1) {
        w.host.append('s', 2);
        await w.sim.advance(6);
      }
      await w.sim.until(() => w.session.status().connections.every(({ refreshing }) => !refreshing));
      await w.whole(320);
      const status = w.session.status();
      expect(status.counters.refreshes).toBe(status.connections.length);
      expect(status.counters).toMatchObject({ attempts: status.connections.length, closes: {}, refresh_failures: 0 });
      expect(w.path).toHaveLength(path);
      expect(w.asked).toEqual(['start', 'refresh']);
      // The old connections went, and what was asked on them.
      expect(w.host.open).toHaveLength(status.connections.length);
      expect(w.sets).toHaveLength(queries);
      await w.close();
    });

    test('S9: leaves nothing behind when the stream is not followed any more, and can be followed again', async () => {
      const w = await new World({}, 5).started();
      const { connection } = w;
      expect(w.sets).toHaveLength(queries);
      w.session.unfollow('s');
      await w.sim.advance(100);
      const left = [...connection.sets.values()].flat().filter((query) => / WHERE /.test(query));
      expect(left).toEqual([]);
      expect(connection.watches.has('s')).toBe(false);
      w.host.append('s', 3);
      await w.sim.advance(100);
      expect(w.seqs('s')).toEqual(upTo(5));
      w.follow(5n);
      w.host.append('s', 1);
      await w.whole(9);
      await w.close();
      expect(w.sim.timers).toBe(0);
    });

    test('S10: a stream that was rebuilt is told of, and read in its new epoch', async () => {
      const w = await new World({}, 5).started();
      w.host.stream('s', { fanout, epoch: 'epoch-2', route: 'route-of-the-next-life' });
      w.host.append('s', 3);
      await w.sim.until(() => w.of('stale').length === 1);
      expect(w.of('stale')[0]).toMatchObject({ reason: 'epoch_changed', floor: { epoch: 'epoch-2', seq: 0n } });
      w.session.rewind('s', { epoch: 'epoch-2', seq: 0n });
      await w.received('s', 8);
      w.host.append('s', 2);
      await w.received('s', 10);
      await w.live();
      expect(w.seqs('s')).toEqual([...upTo(5), ...upTo(5)]);
      expect(w.sets).toHaveLength(queries);
      await w.close();
    });

    test('S10: a stream that is made anew in another way is heard of in that way', async () => {
      const w = await new World({}, 5).started();
      const other = fanout === 'inbox' ? 'doorbell' : 'inbox';
      w.host.stream('s', { fanout: other, epoch: 'epoch-2', route: 'route-of-the-next-life' });
      w.host.append('s', 3);
      await w.sim.until(() => w.of('stale').length === 1);
      w.session.rewind('s', { epoch: 'epoch-2', seq: 0n });
      await w.received('s', 8);
      await w.live();
      w.host.append('s', 2);
      await w.received('s', 10);
      expect(w.session.status().streams.s?.source).toBe(other);
      await w.close();
    });

    test('S11: below the floor it waits for its owner, then goes on from there', async () => {
      const w = new World({}, 400);
      w.stream.first_kept = 301n;
      w.session.listen((signal) => {
        if (signal.type === 'stale') w.session.rewind(signal.stream_id, signal.floor);
      });
      await w.started();
      w.host.append('s', 2);
      await w.whole(402, 301);
      expect(w.of('stale')).toHaveLength(1);
      await w.close();
    });

    test('S12: an owner that is slow is waited for, and nothing piles up meanwhile', async () => {
      const w = new World({ applyWindow: 50, pageSize: 40, liveBuffer: 64 }, 300);
      let applied = 0n;
      const busy = () => {
        // Ten events every 20 ms.
        const next = w.events('s').at(Number(applied) + 9) ?? w.events('s').at(-1);
        if (next !== undefined && next.seq > applied) {
          applied = next.seq;
          w.session.applied('s', { epoch: 'epoch-1', seq: applied });
        }
        w.sim.after(20, busy);
      };
      w.follow();
      w.session.start();
      busy();
      let most = 0;
      let waiting = 0;
      for (let n = 0; n < 120; n += 1) {
        if (n < 100) w.host.append('s', 2);
        await w.sim.advance(9);
        most = Math.max(most, w.events('s').length - Number(applied));
        waiting = Math.max(waiting, w.session.status().streams.s?.waiting_rows ?? 0);
      }
      expect(most).toBe(50);
      expect(waiting).toBeLessThanOrEqual(64);
      await w.whole(500);
      await w.close();
    });

    test('S13: streams that come and go beside it do not disturb it', async () => {
      const w = await new World().started();
      for (let round = 1; round <= 30; round += 1) {
        w.host.stream(`t${round}`, { fanout: (['inbox', 'doorbell', 'public'] as const)[round % 3] ?? 'inbox' });
        w.session.follow(`t${round}`, null, { readMode: round % 2 === 0 ? 'confirmed' : 'unconfirmed' });
        w.host.append('s', 2);
        w.host.append(`t${round}`, 1);
        await w.sim.advance(3);
        if (round > 5) w.session.unfollow(`t${round - 5}`);
      }
      await w.whole(60);
      w.undisturbed();
      expect(w.path.filter((step) => step.startsWith('backoff'))).toEqual([]);
      await w.close();
      expect(w.sim.timers).toBe(0);
    });

    test('S14: an idle stream is told from a dead one', async () => {
      const w = await new World({}, 3).started();
      const before = w.of('head').length;
      await w.sim.advance(2100);
      const heads = w
        .of('head')
        .slice(before)
        .filter(({ stream_id }) => stream_id === 's');
      expect(heads).toEqual([
        { type: 'head', stream_id: 's', epoch: 'epoch-1', head: 3n, head_chain: w.stream.events[2]?.chain },
      ]);
      await w.close();
    });
  });
}
