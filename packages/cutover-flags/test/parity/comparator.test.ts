import { ParityError, type ParityWindow, parseWindow } from '@autopilot/cutover-flags/parity';
import { extendChain, genesisChain } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { begun, epoch, event, events, noResults, setUp, streamId } from './support.ts';

describe('results', () => {
  test('P1 equal events on both sides match, whichever side is first', () => {
    const { comparator } = begun();
    comparator.offer('left', event(1));
    comparator.offer('right', event(1));
    comparator.offer('right', event(2));
    comparator.offer('left', event(2));
    expect(comparator.report()).toMatchObject({
      counts: { ...noResults, match: 2 },
      positions: 2,
      pairs: 2,
      pending: 0,
    });
  });

  test.each([
    ['payload_hash', { value: { n: 'other' } }],
    ['kind', { kind: 'turn/started' }],
    ['idempotency_key', { idempotency_key: 'other' }],
  ] as const)('P2 another %s is a mismatch, and the sample says in what', (field, change) => {
    const { comparator } = begun();
    comparator.offer('left', event(1));
    comparator.offer('right', event(1, change));
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, mismatch: 1 });
    expect(report.mismatched).toEqual({ payload_hash: 0, kind: 0, idempotency_key: 0, [field]: 1 });
    expect(report.samples).toMatchObject([{ result: 'mismatch', seq: '1', fields: [field], side: null }]);
    expect(report.unequal_chains).toBe(1);
  });

  test('P3 what one side brings waits until the tolerance is over, and is missing then', () => {
    const { comparator, time } = begun();
    comparator.offer('left', event(1));
    time.advance(999);
    expect(comparator.report()).toMatchObject({ counts: noResults, pending: 1 });
    time.advance(1);
    expect(comparator.report()).toMatchObject({ counts: { ...noResults, missing_right: 1 }, pending: 0 });
    comparator.offer('right', event(2));
    time.advance(1_250);
    expect(comparator.report().counts).toEqual({ ...noResults, missing_right: 1, missing_left: 1 });
    expect(time.timers).toBe(0);
  });

  test('P4 what comes after it was called missing is late, or a mismatch', () => {
    const { comparator, time } = begun();
    comparator.offer('left', event(1));
    comparator.offer('left', event(2));
    time.advance(2_000);
    comparator.offer('right', event(1));
    comparator.offer('right', event(2, { value: 'other' }));
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, missing_right: 2, late: 1, mismatch: 1 });
    expect(report).toMatchObject({ positions: 2, revisions: 2, pairs: 0, pending: 0 });
  });

  test('P4 an event after the tolerance is late also when no timer came round in between', () => {
    const { comparator, time } = begun({ tolerance_ms: 1_000 });
    comparator.close();
    comparator.offer('left', event(1));
    time.advance(1_000);
    comparator.offer('right', event(1));
    expect(comparator.report().counts).toEqual({ ...noResults, missing_right: 1, late: 1 });
  });

  test('P5 a position that a side brings again is extra, before and after the other side has it', () => {
    const { comparator } = begun();
    comparator.offer('left', event(1));
    comparator.offer('left', event(1));
    comparator.offer('right', event(1));
    comparator.offer('right', event(1));
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: 1, extra: 2 });
    expect(report).toMatchObject({ positions: 1, repeats: 2 });
    expect(report.samples.map(({ side, seq }) => [side, seq])).toEqual([
      ['left', '1'],
      ['right', '1'],
    ]);
  });

  test('P6 an event after a later one of its side is reordered, at its own position', () => {
    const { comparator } = begun();
    for (const seq of [1, 2, 3]) comparator.offer('left', event(seq));
    for (const seq of [2, 1, 3]) comparator.offer('right', event(seq));
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: 2, reordered: 1 });
    expect(report.samples).toMatchObject([{ result: 'reordered', seq: '1', side: 'right' }]);
    // The chains are by sequence: the content is the same.
    expect(report.streams[0]?.left).toBe(report.streams[0]?.right);
  });

  test('P7 positions that neither side brings are counted as absent', () => {
    const { comparator, time } = begun();
    for (const seq of [1, 4, 5]) {
      comparator.offer('left', event(seq));
      comparator.offer('right', event(seq));
    }
    expect(comparator.report()).toMatchObject({ counts: { ...noResults, match: 3 }, absent: 0 });
    time.advance(1_000);
    expect(comparator.report()).toMatchObject({ counts: { ...noResults, match: 3 }, absent: 2 });
    expect(comparator.report().streams).toMatchObject([{ seq: '5', compared: 3 }]);
    // What comes after all is compared, but the chains have gone on.
    comparator.offer('left', event(2));
    comparator.offer('right', event(2));
    const report = comparator.report();
    expect(report).toMatchObject({ counts: { ...noResults, match: 3, reordered: 1 }, absent: 2 });
    expect(report.streams).toMatchObject([{ seq: '5', compared: 3 }]);
  });

  test('P8 events of another epoch are other positions', () => {
    const { comparator, time } = begun();
    comparator.begin('right', streamId, { epoch: 'epoch-2', seq: 0n });
    comparator.begin('left', streamId, { epoch: 'epoch-2', seq: 0n });
    comparator.offer('left', event(1));
    comparator.offer('right', event(1, { epoch: 'epoch-2' }));
    time.advance(2_000);
    expect(comparator.report().counts).toEqual({ ...noResults, missing_left: 1, missing_right: 1 });
  });

  test('P9 sequences beyond 2^53 are exact', () => {
    const { comparator } = setUp();
    const base = 2n ** 62n;
    for (const side of ['left', 'right'] as const) comparator.begin(side, streamId, { epoch, seq: base });
    comparator.offer('left', event(base + 1n));
    comparator.offer('right', event(base + 2n));
    expect(comparator.report().pending).toBe(2);
    comparator.offer('right', event(base + 1n));
    comparator.offer('left', event(base + 2n));
    expect(comparator.report()).toMatchObject({ pairs: 2, streams: [{ seq: `${base + 2n}`, after: `${base}` }] });
  });
});

describe('tolerance', () => {
  test('P10 a bound in events gives up what the stream has gone too far beyond', () => {
    const { comparator } = begun({ tolerance_events: 3 });
    for (const one of events(1, 4)) comparator.offer('left', one);
    expect(comparator.report()).toMatchObject({ counts: noResults, pending: 4 });
    comparator.offer('left', event(5));
    expect(comparator.report()).toMatchObject({ counts: { ...noResults, missing_right: 1 }, pending: 4 });
  });

  test('P11 settle ends the tolerance, but not for a side that is down', () => {
    const { comparator } = begun();
    comparator.offer('left', event(1));
    comparator.pause('right');
    comparator.settle();
    expect(comparator.report()).toMatchObject({ counts: noResults, pending: 1 });
    comparator.resume('right', streamId, { epoch, seq: 0n });
    comparator.settle();
    expect(comparator.report()).toMatchObject({ counts: { ...noResults, missing_right: 1 }, pending: 0 });
  });
});

describe('what is compared', () => {
  test('P12 the owner projection drops and counts', () => {
    const { comparator } = begun({ owns: (id) => id === streamId });
    comparator.begin('left', 'runtime.foreign', null);
    comparator.offer('left', event(1, { stream_id: 'runtime.foreign' }));
    expect(comparator.report()).toMatchObject({ foreign: 1, counts: noResults, pending: 0, share: null });
  });

  test('P12 a projection that throws is counted as a fault and owns nothing', () => {
    const { comparator } = setUp({
      owns: () => {
        throw new Error('broken');
      },
    });
    comparator.offer('left', event(1));
    expect(comparator.report()).toMatchObject({ foreign: 1, faults: 1 });
  });

  test('P13 a side that joins in the middle does not count history as missing', () => {
    const { comparator, time } = setUp();
    comparator.begin('left', streamId, null);
    for (const one of events(1, 10)) comparator.offer('left', one);
    time.advance(60_000);
    comparator.begin('right', streamId, { epoch, seq: 7n });
    for (const one of events(8, 12)) comparator.offer('right', one);
    for (const one of events(11, 12)) comparator.offer('left', one);
    time.advance(60_000);
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: 5 });
    expect(report.not_compared).toMatchObject({ before_start: 7 });
    expect(report.streams).toMatchObject([{ after: '7', seq: '12', compared: 5 }]);
  });

  test('P13 a stream that only one side reads is never missing, and holds little memory', () => {
    const { comparator, time } = setUp({ limits: { pending: 100 } });
    comparator.begin('left', streamId, null);
    for (const one of events(1, 1_000)) comparator.offer('left', one);
    time.advance(60_000);
    const report = comparator.report();
    expect(report.counts).toEqual(noResults);
    expect(report.pending).toBeLessThanOrEqual(50);
    expect(report.not_compared.not_begun + report.pending).toBe(1_000);
    comparator.begin('right', streamId, null);
    for (const one of events(1, 1_000)) comparator.offer('right', one);
    expect(comparator.report()).toMatchObject({ counts: { ...noResults, match: report.pending }, pending: 0 });
  });

  test('P14 nothing is missing because a side was down; what it skipped is not compared', () => {
    const { comparator, time } = begun();
    comparator.offer('left', event(1));
    comparator.offer('right', event(1));
    comparator.pause('right');
    for (const one of events(2, 6)) comparator.offer('left', one);
    time.advance(100_000);
    comparator.resume('right', streamId, { epoch, seq: 4n });
    for (const one of events(5, 7)) comparator.offer('right', one);
    comparator.offer('left', event(7));
    time.advance(100_000);
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: 4 });
    expect(report.not_compared).toMatchObject({ paused: 3 });
    expect(report.paused).toEqual([{ side: 'right', from: 1_700_000_000_000, to: 1_700_000_100_000 }]);
    expect(report.streams).toMatchObject([{ seq: '7', compared: 4 }]);
  });

  test('P15 what is lost over a reconnect is missing, once the side has caught up', () => {
    const { comparator, time } = begun();
    comparator.pause('right');
    for (const one of events(1, 5)) comparator.offer('left', one);
    time.advance(10_000);
    comparator.resume('right', streamId, { epoch, seq: 0n });
    // Catching up takes longer than the tolerance, but it moves.
    for (const seq of [1, 2, 4]) {
      time.advance(900);
      comparator.offer('right', event(seq));
    }
    time.advance(900);
    expect(comparator.report().counts).toEqual({ ...noResults, match: 3 });
    comparator.offer('right', event(5));
    time.advance(1_250);
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: 4, missing_right: 1 });
    expect(report.samples).toMatchObject([{ result: 'missing_right', seq: '3' }]);
  });

  test('P16 a replay after a resume is not extra', () => {
    const { comparator } = begun();
    for (const one of events(1, 3)) {
      comparator.offer('left', one);
      comparator.offer('right', one);
    }
    comparator.pause('left');
    comparator.resume('left', streamId, { epoch, seq: 1n });
    for (const one of events(2, 4)) comparator.offer('left', one);
    comparator.offer('right', event(4));
    comparator.offer('left', event(4));
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: 4, extra: 1 });
    expect(report.not_compared.replayed).toBe(2);
  });

  test('P14 a side that comes back to another life of the stream leaves the old one uncompared', () => {
    const { comparator, time } = begun();
    comparator.pause('right');
    comparator.offer('left', event(1));
    comparator.resume('right', streamId, { epoch: 'epoch-2', seq: 0n });
    time.advance(100_000);
    expect(comparator.report()).toMatchObject({ counts: noResults, not_compared: { paused: 1 }, pending: 0 });
  });

  test('what is no event is counted and never thrown at the lane', () => {
    const { comparator } = begun();
    for (const bad of [null, {}, { ...event(1), seq: 1 }, { ...event(1), seq: 0n }]) {
      comparator.offer('left', bad as never);
    }
    expect(comparator.report()).toMatchObject({ not_compared: { malformed: 4 }, offered: { left: 4 } });
  });

  test('a stream that ends is forgotten, and what waited is said', () => {
    const { comparator, time } = begun();
    comparator.offer('left', event(1));
    comparator.end(streamId);
    comparator.end('runtime.unknown');
    time.advance(5_000);
    expect(comparator.report()).toMatchObject({ counts: noResults, not_compared: { forgotten: 1 }, pending: 0 });
    comparator.offer('right', event(1));
    expect(comparator.report().not_compared.not_begun).toBe(1);
  });
});

describe('a side that leaves the stream', () => {
  const other = (seq: bigint) => ({ epoch: 'foreign', seq });

  test('P36 a move to another life that one side makes alone is absent once the tolerance is over, and once', () => {
    const { comparator, time } = begun();
    comparator.moved('left', streamId, other(3n));
    time.advance(999);
    expect(comparator.report().absent).toBe(0);
    time.advance(1);
    expect(comparator.report()).toMatchObject({ absent: 1, counts: noResults, positions: 0, pending: 0 });
    // The side is read again from the beginning, and comes to the same place.
    comparator.moved('left', streamId, { epoch, seq: 0n });
    comparator.moved('left', streamId, other(3n));
    time.advance(10_000);
    expect(comparator.report().absent).toBe(1);
    comparator.moved('left', streamId, other(7n));
    time.advance(10_000);
    expect(comparator.report().absent).toBe(2);
  });

  test.each([
    ['says so too', (world) => world.comparator.moved('right', streamId, other(0n))],
    ['begins there', (world) => world.comparator.begin('right', streamId, other(5n))],
    ['goes on there', (world) => world.comparator.resume('right', streamId, other(5n))],
    [
      'brings an event of it',
      (world) => {
        world.comparator.begin('right', streamId, null);
        world.comparator.offer('right', event(4, { epoch: 'foreign' }));
      },
    ],
  ] satisfies [string, (world: ReturnType<typeof begun>) => void][])(
    'P36 it is nothing when the other side %s within the tolerance',
    (_how, follow) => {
      const world = begun();
      world.comparator.moved('left', streamId, other(3n));
      world.time.advance(999);
      follow(world);
      world.time.advance(10_000);
      expect(world.comparator.report().absent).toBe(0);
    },
  );

  test('P36 a side that reads every life from its beginning has not moved by that', () => {
    const { comparator, time } = setUp();
    for (const side of ['left', 'right'] as const) comparator.begin(side, streamId, null);
    for (const side of ['left', 'right'] as const) comparator.offer(side, event(1));
    comparator.moved('left', streamId, other(1n));
    comparator.begin('left', streamId, other(1n));
    time.advance(10_000);
    expect(comparator.report()).toMatchObject({ absent: 1, counts: { ...noResults, match: 1 } });
  });

  test('P36 a side that is down may still move, and one that has not begun says nothing', () => {
    const { comparator, time } = begun();
    comparator.pause('right');
    comparator.moved('left', streamId, other(3n));
    time.advance(10_000);
    comparator.resume('right', streamId, { epoch, seq: 0n });
    time.advance(999);
    expect(comparator.report().absent).toBe(0);
    time.advance(1);
    expect(comparator.report().absent).toBe(1);
    comparator.begin('left', 'runtime.alone', { epoch, seq: 0n });
    comparator.moved('left', 'runtime.alone', other(3n));
    time.advance(10_000);
    expect(comparator.report().absent).toBe(1);
    comparator.end('runtime.alone');
    comparator.moved('left', 'runtime.unknown', other(3n));
    time.advance(10_000);
    expect([comparator.report().absent, time.timers]).toEqual([1, 0]);
  });

  test('P37 what the other side brought is missing on one that is abandoned, and what only it brought is not judged', () => {
    const { comparator, time } = begun();
    for (const one of events(1, 3)) comparator.offer('left', one);
    for (const one of events(1, 3)) comparator.offer('right', one);
    comparator.offer('right', event(4));
    comparator.offer('right', event(5));
    comparator.abandon('left', streamId);
    const report = comparator.report();
    expect(report).toMatchObject({ counts: { ...noResults, match: 3, missing_left: 2 }, absent: 0, pending: 0 });
    expect(report.samples.map(({ seq, side }) => [seq, side])).toEqual([
      ['4', 'left'],
      ['5', 'left'],
    ]);
    time.advance(10_000);
    expect(comparator.report().counts.missing_left).toBe(2);
    const ahead = begun().comparator;
    ahead.offer('left', event(1));
    ahead.abandon('left', streamId);
    expect(ahead.report()).toMatchObject({ counts: noResults, not_compared: { forgotten: 1 }, absent: 1 });
  });

  test('P37 a move that waits is absent when its side is abandoned, and there is never nothing', () => {
    const moved = begun().comparator;
    moved.moved('left', streamId, other(3n));
    moved.abandon('left', streamId);
    expect(moved.report()).toMatchObject({ absent: 1, counts: noResults });
    const { comparator } = begun();
    comparator.abandon('right', streamId);
    comparator.abandon('right', 'runtime.unknown');
    expect(comparator.report()).toMatchObject({ absent: 1, counts: noResults });
    const down = begun().comparator;
    down.pause('left');
    down.offer('right', event(1));
    down.abandon('left', streamId);
    expect(down.report()).toMatchObject({ absent: 1, counts: noResults, not_compared: { forgotten: 1 } });
  });
});

describe('memory', () => {
  test('P17 beyond the bounds positions are sampled, the same ones on both sides, and the report says so', () => {
    const { comparator, time } = begun({ limits: { pending: 64, pending_per_stream: 64 } });
    for (const one of events(1, 5_000)) {
      comparator.offer('left', one);
      if (one.seq % 50n === 0n) expect(comparator.report().pending).toBeLessThanOrEqual(64);
    }
    const held = comparator.report().pending;
    for (const one of events(1, 5_000)) comparator.offer('right', one);
    time.advance(10_000);
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, match: held });
    expect(report).toMatchObject({ sampled: true, pending: 0, unequal_chains: 0 });
    expect(report.not_compared.sampled).toBe(2 * (5_000 - held));
    expect(report.share).toBeCloseTo(held / 5_000, 10);
    expect(report.streams).toMatchObject([{ seq: '5000', compared: held }]);
    // When there is room again, everything is compared again.
    for (const one of events(5_001, 5_100)) for (const side of ['left', 'right'] as const) comparator.offer(side, one);
    expect(comparator.report().counts.match).toBe(held + 100);
  });

  test('P17 the bound over all streams holds too', () => {
    const { comparator } = setUp({ limits: { pending: 100, pending_per_stream: 90, streams: 3 } });
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) for (const side of ['left', 'right'] as const) comparator.begin(side, id, null);
    for (const one of events(1, 200)) for (const id of ids) comparator.offer('left', { ...one, stream_id: id });
    const report = comparator.report();
    expect(report.pending).toBeLessThanOrEqual(100);
    expect(report.not_compared.too_many_streams).toBe(200);
  });

  test('P17 what is too old to be remembered is said to be forgotten, not called missing', () => {
    const { comparator, time } = begun({ limits: { late_per_stream: 2 } });
    for (const one of events(1, 5)) comparator.offer('left', one);
    time.advance(2_000);
    for (const one of events(1, 5)) comparator.offer('right', one);
    time.advance(2_000);
    const report = comparator.report();
    expect(report.counts).toEqual({ ...noResults, missing_right: 5, late: 2 });
    expect(report.not_compared.forgotten).toBe(3);
  });
});

describe('chains', () => {
  test('P18 over a whole stream they are the chain of its host', () => {
    const { comparator } = begun();
    const all = events(1, 50);
    let chain = genesisChain(streamId);
    for (const one of all) {
      comparator.offer('left', one);
      chain = extendChain(chain, one);
    }
    for (const one of all) comparator.offer('right', one);
    expect(comparator.report().streams).toEqual([
      { stream_id: streamId, epoch, after: '0', seq: '50', compared: 50, left: chain, right: chain },
    ]);
  });

  test('P18 what only one side has is in neither', () => {
    const { comparator, time } = begun();
    for (const one of events(1, 10)) comparator.offer('left', one);
    for (const one of events(1, 10)) if (one.seq !== 5n) comparator.offer('right', one);
    time.advance(2_000);
    const report = comparator.report();
    expect(report.streams).toMatchObject([{ seq: '10', compared: 9 }]);
    expect(report.unequal_chains).toBe(0);
  });
});

describe('windows', () => {
  test('P19 a window begins where the last one ended, and the report is their sum', () => {
    const { comparator, time } = begun();
    const windows: ParityWindow[] = [];
    for (const seq of [1, 2, 3]) {
      comparator.offer('left', event(seq));
      comparator.offer('right', event(seq, seq === 2 ? { value: 'other' } : {}));
      time.advance(100);
      windows.push(comparator.takeWindow());
    }
    expect(windows.map(({ counts }) => [counts.match, counts.mismatch])).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
    expect(windows.map(({ samples }) => samples.length)).toEqual([0, 1, 0]);
    expect(windows[1]?.from).toBe(windows[0]?.to);
    const report = comparator.report();
    expect(report).toMatchObject({ counts: { match: 2, mismatch: 1 }, positions: 3, unequal_chains: 1 });
    expect(report.samples).toHaveLength(1);
    expect(report.from).toBe(windows[0]?.from);
  });

  test('P19 a window goes through JSON, and is checked on the way in', () => {
    const { comparator } = begun();
    comparator.offer('left', event(1));
    comparator.offer('right', event(1, { value: 'other' }));
    comparator.offer('right', event(1));
    const window = comparator.takeWindow();
    const wire: unknown = JSON.parse(JSON.stringify(window));
    expect(parseWindow(wire)).toEqual(window);
    for (const bad of [
      { ...window, more: 1 },
      { ...window, positions: 7 },
      { ...window, counts: { ...window.counts, match: Number.NaN } },
      { ...window, counts: { ...window.counts, match: -1 } },
      { ...window, pair: 'khala' },
      null,
    ]) {
      expect(() => parseWindow(bad)).toThrow(ParityError);
    }
  });
});

test.each([
  [{ tolerance_ms: 0 }, 'tolerance_ms'],
  [{ tolerance_ms: Number.NaN }, 'tolerance_ms'],
  [{ tolerance_events: 1.5 }, 'tolerance_events'],
  [{ limits: { pending: 0 } }, 'limits.pending'],
  [{ pair: 'a/b' as never }, 'pair'],
])('bad options are refused: %j', (options, name) => {
  expect(() => setUp(options)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  expect(() => setUp(options)).toThrow(new RegExp(name, 'i'));
});
