// What every lane has to do, as tests. Any runner in the manner of jest can run them on any lane.
import type { Lane, LaneSignal } from './lane.ts';
import { hasTruePayloadHash, type StreamPosition, type SyncEvent } from './sync-event.ts';

/** The part of a test runner that is used. */
export interface LaneTestRunner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
  expect(actual: unknown): { toEqual(expected: unknown): void };
}

/** One host with streams, and lanes that read it. A test uses one, then disposes of it. */
export interface LaneUnderTest {
  /** A new lane, not started. Every lane of a test is closed before `dispose`. */
  lane(): Lane;
  /** Makes an empty stream that the lane may read; returns its id. */
  stream(): Promise<string>;
  /** Appends events of kind `tick` with the payloads `{"n": from}` to `{"n": to}`. The first event of a stream has n = 1. */
  append(streamId: string, from: number, to: number): Promise<void>;
  /** Removes all but the newest events of a stream. */
  keep(streamId: string, newest: number): Promise<void>;
  /** A stream that the lane could read if it existed; returns its id. */
  unknown(): Promise<string>;
  /** Makes a stream that exists and that the lane may not read; returns its id. */
  forbidden(): Promise<string>;
  /** Breaks every connection of the lanes. */
  cut(): void | Promise<void>;
  /** Waits until a condition holds; rejects with `what` when it does not in time. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets everything that is under way happen. */
  settle(): Promise<void>;
  /** Timers and connections that the lanes have running, by name; empty when nothing is. */
  leftovers(): readonly string[];
  dispose(): Promise<void>;
}

/**
 * Adds the tests of the lane contract to a runner. The ids in the names are those of SPEC.md.
 *
 * @example
 * laneConformance({ describe, test, expect }, 'my lane', async () => makeMyHost());
 */
export function laneConformance(
  { describe, test, expect }: LaneTestRunner,
  name: string,
  make: () => Promise<LaneUnderTest>,
): void {
  function check(title: string, body: (under: LaneUnderTest, made: (lane: Lane) => Heard) => Promise<void>): void {
    test(title, async () => {
      const under = await make();
      const all: Heard[] = [];
      try {
        await body(under, (lane) => {
          const heard = new Heard(lane, under);
          all.push(heard);
          return heard;
        });
      } finally {
        for (const { lane } of all) await lane.close();
        await under.dispose();
      }
    });
  }

  /** Everything that any test may expect of what was heard. */
  function expectSound(heard: Heard): void {
    for (const { stream_id, events, head } of heard.of('batch')) {
      expect(events.length > 0).toEqual(true);
      expect(events.every((event) => event.stream_id === stream_id && hasTruePayloadHash(event))).toEqual(true);
      expect(head >= (events.at(-1)?.seq ?? 0n)).toEqual(true);
    }
    const states = heard.of('state');
    expect(states.slice(1).every(({ from }, index) => from === states[index]?.to)).toEqual(true);
  }

  function expectEvents(heard: Heard, id: string, from: number, to: number): void {
    expect(heard.numbers(id)).toEqual(upTo(to, from));
    expect(heard.events(id).map(({ payload }) => payload)).toEqual(upTo(to, from).map((n) => `{"n":${n}}`));
    expectSound(heard);
  }

  describe(`${name} keeps the contract of a lane`, () => {
    check('L1 a lane starts once, says every step, and reaches live', async (under, listen) => {
      const heard = listen(under.lane());
      expect([heard.lane.state, heard.signals]).toEqual(['idle', []]);
      heard.lane.start();
      heard.lane.start();
      await heard.live();
      heard.lane.start();
      await under.settle();
      expectSound(heard);
      const states = heard.of('state');
      expect(states[0]?.from).toEqual('idle');
      expect(states.map(({ to }) => to)).toEqual(['authenticating', 'connecting', 'subscribing', 'replaying', 'live']);
      expect(states.every(({ reason }) => reason.length > 0)).toEqual(true);
      expect(heard.lane.state).toEqual('live');
    });

    check('L2 a stream followed from null comes whole, from its first event', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 25);
      const heard = listen(under.lane());
      heard.lane.follow(id, null);
      heard.lane.start();
      await heard.received(id, 25);
      await heard.live();
      expectEvents(heard, id, 1, 25);
      const events = heard.events(id);
      expect(new Set(events.map(({ epoch }) => epoch)).size).toEqual(1);
      expect(events.every(({ epoch, kind }) => epoch !== '' && kind === 'tick')).toEqual(true);
      expect(new Set(events.map(({ idempotency_key }) => idempotency_key)).size).toEqual(25);
    });

    check('L3 a stream followed from a position comes from the event after it', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 10);
      const position = await positionAt(under, listen, id, 6);
      const heard = listen(under.lane());
      heard.lane.follow(id, position);
      heard.lane.start();
      await heard.live();
      await under.append(id, 11, 12);
      await heard.received(id, 6);
      await under.settle();
      expectEvents(heard, id, 7, 12);
    });

    check('L4 live is said only when everything that was there has come', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 30);
      const heard = listen(under.lane());
      const seenAtLive: number[] = [];
      heard.lane.listen((signal) => {
        if (signal.type === 'state' && signal.to === 'live') seenAtLive.push(heard.events(id).length);
      });
      heard.lane.follow(id, null);
      heard.lane.start();
      await heard.live();
      expect(seenAtLive[0]).toEqual(30);
      expectEvents(heard, id, 1, 30);
    });

    check('L5 what is appended while the stream is replayed comes once and in its place', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 60);
      const heard = listen(under.lane());
      heard.lane.follow(id, null);
      heard.lane.start();
      for (let n = 61; n <= 120; n += 10) await under.append(id, n, n + 9);
      await heard.received(id, 120);
      await heard.live();
      await under.append(id, 121, 125);
      await heard.received(id, 125);
      await under.settle();
      expectEvents(heard, id, 1, 125);
      expect(heard.of('batch')[0]?.source).toEqual('replay');
      expect(heard.of('batch').at(-1)?.source).toEqual('live');
    });

    check('L6 after each cut the lane comes back and goes on without loss or repetition', async (under, listen) => {
      const id = await under.stream();
      const heard = listen(under.lane());
      heard.lane.follow(id, null);
      heard.lane.start();
      await heard.live();
      for (let round = 0; round < 4; round += 1) {
        await under.append(id, round * 20 + 1, round * 20 + 10);
        await under.cut();
        await under.append(id, round * 20 + 11, round * 20 + 20);
        await heard.received(id, round * 20 + 20);
      }
      await heard.live();
      await under.settle();
      expectEvents(heard, id, 1, 80);
      expect(heard.of('state').some(({ to }) => to === 'backoff')).toEqual(true);
    });

    check('L7 a rewound stream comes again from the new position, and nothing from before', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 12);
      const heard = listen(under.lane());
      heard.lane.follow(id, null);
      heard.lane.start();
      await heard.received(id, 12);
      const fourth = heard.events(id)[3];
      heard.signals.length = 0;
      heard.lane.rewind(id, { epoch: fourth?.epoch ?? '', seq: 4n });
      await heard.received(id, 8);
      await heard.live();
      await under.append(id, 13, 14);
      await heard.received(id, 10);
      await under.settle();
      expectEvents(heard, id, 5, 14);
    });

    check('L7 a stream may be rewound by the listener that hears of it', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 9);
      const lane = under.lane();
      let rewound = false;
      const after: number[] = [];
      lane.listen((signal) => {
        if (signal.type !== 'batch') return;
        if (rewound) after.push(...signal.events.map(({ seq }) => Number(seq)));
        else {
          rewound = true;
          lane.rewind(id, null);
        }
      });
      const heard = listen(lane);
      lane.follow(id, null);
      lane.start();
      await under.until(() => after.length >= 9, 'the whole stream after the rewind');
      await under.settle();
      expect(after).toEqual(upTo(9));
      expectSound(heard);
    });

    check('L8 after unfollow nothing of the stream is told', async (under, listen) => {
      const [gone, kept] = [await under.stream(), await under.stream()];
      await under.append(gone, 1, 5);
      const heard = listen(under.lane());
      heard.lane.follow(gone, null);
      heard.lane.follow(kept, null);
      heard.lane.start();
      await heard.received(gone, 5);
      heard.lane.unfollow(gone);
      const before = heard.about(gone).length;
      await under.append(gone, 6, 10);
      await under.append(kept, 1, 5);
      await heard.received(kept, 5);
      await heard.live();
      await under.settle();
      expect(heard.about(gone).length).toEqual(before);
      expectEvents(heard, kept, 1, 5);
    });

    check('L9 several streams come whole, each in its own order', async (under, listen) => {
      const ids = [await under.stream(), await under.stream(), await under.stream()];
      const heard = listen(under.lane());
      const [first = '', second = '', third = ''] = ids;
      await under.append(first, 1, 40);
      heard.lane.follow(first, null);
      heard.lane.follow(second, null);
      heard.lane.start();
      for (let n = 1; n <= 15; n += 5) for (const id of [second, third]) await under.append(id, n, n + 4);
      await heard.received(second, 15);
      // Followed while the lane is running.
      heard.lane.follow(third, null);
      await heard.received(third, 15);
      await under.append(first, 41, 45);
      await heard.received(first, 45);
      await heard.live();
      expectEvents(heard, first, 1, 45);
      expectEvents(heard, second, 1, 15);
      expectEvents(heard, third, 1, 15);
    });

    check('L10 a stream that is unknown or forbidden is closed, and disturbs no other', async (under, listen) => {
      const id = await under.stream();
      const forbidden = await under.forbidden();
      const unknown = await under.unknown();
      const heard = listen(under.lane());
      for (const each of [unknown, id, forbidden]) heard.lane.follow(each, null);
      heard.lane.start();
      await under.append(id, 1, 5);
      await heard.received(id, 5);
      await under.until(() => heard.of('stream-closed').length === 2, 'two closed streams');
      await heard.live();
      await under.settle();
      const closed = heard.of('stream-closed').map(({ stream_id, code }) => ({ stream_id, code }));
      expect(closed.find(({ stream_id }) => stream_id === unknown)?.code).toEqual('unknown_stream');
      expect(closed.find(({ stream_id }) => stream_id === forbidden)?.code).toEqual('forbidden');
      expect(closed.length).toEqual(2);
      expect(heard.events(unknown).length + heard.events(forbidden).length).toEqual(0);
      expectEvents(heard, id, 1, 5);
    });

    check('L11 the lane tells how long a stream is, in its epoch', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 7);
      const heard = listen(under.lane());
      heard.lane.follow(id, null);
      heard.lane.start();
      await heard.received(id, 7);
      await under.until(() => heard.of('head').some(({ head }) => head === 7n), 'a head of 7');
      const heads = heard.of('head').filter(({ stream_id }) => stream_id === id);
      expect(new Set(heads.map(({ epoch }) => epoch))).toEqual(new Set(heard.events(id).map(({ epoch }) => epoch)));
      expect(heads.every(({ head }) => head <= 7n)).toEqual(true);
    });

    check('L12 a listener that throws disturbs neither the lane nor the others', async (under, listen) => {
      const id = await under.stream();
      const lane = under.lane();
      lane.listen(() => {
        throw new Error('a listener of somebody');
      });
      const few: string[] = [];
      const stop = lane.listen(({ type }) => void few.push(type));
      const heard = listen(lane);
      lane.follow(id, null);
      lane.start();
      await under.append(id, 1, 5);
      await heard.received(id, 5);
      stop();
      const before = few.length;
      await under.append(id, 6, 10);
      await heard.received(id, 10);
      await heard.live();
      expectEvents(heard, id, 1, 10);
      expect([before > 0, few.length === before]).toEqual([true, true]);
    });

    check('L13 close leaves nothing running and says nothing more', async (under, listen) => {
      const id = await under.stream();
      await under.append(id, 1, 20);
      const heard = listen(under.lane());
      heard.lane.follow(id, null);
      heard.lane.start();
      await heard.received(id, 1);
      await heard.lane.close();
      expect([heard.lane.state, under.leftovers()]).toEqual(['closed', []]);
      const before = heard.signals.length;
      await under.append(id, 21, 25);
      await under.settle();
      await heard.lane.close();
      expect([heard.signals.length, heard.of('state').at(-1)?.to]).toEqual([before, 'closed']);
    });

    check('L13 close works in every state: never started, connecting, cut', async (under, listen) => {
      const [idle, connecting, cut] = [listen(under.lane()), listen(under.lane()), listen(under.lane())];
      await idle.lane.close();
      connecting.lane.start();
      await connecting.lane.close();
      cut.lane.start();
      await cut.live();
      await under.cut();
      await under.until(() => cut.lane.state !== 'live', 'the cut to be noticed');
      await cut.lane.close();
      await under.settle();
      expect([idle, connecting, cut].map(({ lane }) => lane.state)).toEqual(['closed', 'closed', 'closed']);
      expect(under.leftovers()).toEqual([]);
    });

    check(
      'L14 a cursor below what is kept is stale: floor and head are told, and it goes on from there',
      async (under, listen) => {
        const id = await under.stream();
        await under.append(id, 1, 20);
        const position = await positionAt(under, listen, id, 2);
        await under.keep(id, 5);
        for (const after of [null, position]) {
          const heard = listen(under.lane());
          heard.lane.follow(id, after);
          heard.lane.start();
          await under.until(() => heard.of('stale').length === 1, 'a stale signal');
          const [stale] = heard.of('stale');
          expect(stale && [stale.stream_id, stale.reason, stale.floor, stale.head]).toEqual([
            id,
            'retention_floor_breach',
            { epoch: position.epoch, seq: 15n },
            20n,
          ]);
          expect((stale?.floor_chain.length ?? 0) > 0).toEqual(true);
          expect(heard.events(id)).toEqual([]);
          heard.lane.rewind(id, stale?.floor ?? null);
          await heard.received(id, 5);
          await heard.live();
          expectEvents(heard, id, 16, 20);
          expect(heard.of('stale').length).toEqual(1);
          await heard.lane.close();
        }
      },
    );
  });
}

/** A lane with everything it has said. */
class Heard {
  readonly lane: Lane;
  readonly signals: LaneSignal[] = [];
  readonly #under: LaneUnderTest;

  constructor(lane: Lane, under: LaneUnderTest) {
    this.lane = lane;
    this.#under = under;
    lane.listen((signal) => this.signals.push(signal));
  }

  of<Type extends LaneSignal['type']>(type: Type): Extract<LaneSignal, { type: Type }>[] {
    return this.signals.filter((signal): signal is Extract<LaneSignal, { type: Type }> => signal.type === type);
  }

  about(streamId: string): LaneSignal[] {
    return this.signals.filter((signal) => 'stream_id' in signal && signal.stream_id === streamId);
  }

  events(streamId: string): SyncEvent[] {
    return this.of('batch').flatMap((signal) => (signal.stream_id === streamId ? signal.events : []));
  }

  numbers(streamId: string): number[] {
    return this.events(streamId).map(({ seq }) => Number(seq));
  }

  received(streamId: string, count: number): Promise<void> {
    const seen = () => this.events(streamId).length;
    return this.#under.until(() => seen() >= count, `${count} events of ${streamId}`);
  }

  live(): Promise<void> {
    return this.#under.until(() => this.lane.state === 'live', 'the state live');
  }
}

/** The position after an event, as a lane of its own learns it. */
async function positionAt(
  under: LaneUnderTest,
  listen: (lane: Lane) => Heard,
  id: string,
  seq: number,
): Promise<StreamPosition> {
  const heard = listen(under.lane());
  heard.lane.follow(id, null);
  heard.lane.start();
  await heard.received(id, seq);
  await heard.lane.close();
  return { epoch: heard.events(id)[seq - 1]?.epoch ?? '', seq: BigInt(seq) };
}

/** from, ..., to. */
function upTo(to: number, from = 1): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
