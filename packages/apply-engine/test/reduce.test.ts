import { type JsonValue, payloadOf } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ApplyError, type Reducer, reduceEvents } from '../src/index.ts';
import { firstDifference } from '../src/json-difference.ts';
import { deepFreeze, epoch, event, log, streamId } from './support.ts';

interface Total {
  readonly count: number;
  readonly seqs: readonly string[];
  readonly by_kind: Readonly<Record<string, number>>;
}

const empty: Total = { count: 0, seqs: [], by_kind: {} };
const pure: Reducer<Total> = (state, { seq, kind }) => ({
  count: state.count + 1,
  seqs: [...state.seqs, `${seq}`],
  by_kind: { ...state.by_kind, [kind]: (state.by_kind[kind] ?? 0) + 1 },
});

/** The error of a checked run over two events. */
function errorOf<State>(reducer: Reducer<State>, state: State): ApplyError {
  try {
    reduceEvents(reducer, state, log(2), { check: 'twice' });
  } catch (error) {
    if (error instanceof ApplyError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('reduceEvents', () => {
  test('I20 folds events in order, and the check changes nothing about the state', () => {
    const expected = { count: 3, seqs: ['1', '2', '3'], by_kind: { 'item/completed': 3 } };
    expect(reduceEvents(pure, deepFreeze(empty), deepFreeze([...log(3)]))).toEqual(expected);
    expect(reduceEvents(pure, deepFreeze(empty), deepFreeze([...log(3)]), { check: 'twice' })).toEqual(expected);
    expect(reduceEvents(pure, empty, [], { check: 'twice' })).toBe(empty);
  });

  test('I20 whatever the events, both modes come to the same state', () => {
    const payloads: Reducer<readonly JsonValue[]> = (state, one) => [...state, payloadOf(one)];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 })), (places) => {
        const events = places.map((place) => event(place));
        expect(reduceEvents(payloads, [], events, { check: 'twice' })).toEqual(reduceEvents(payloads, [], events));
      }),
      { numRuns: 30 },
    );
  });

  test('I20 a reducer is run once for each event, and twice in the check', () => {
    let runs = 0;
    const counted: Reducer<Total> = (state, one) => {
      runs += 1;
      return pure(state, one);
    };
    reduceEvents(counted, empty, log(5));
    expect(runs).toBe(5);
    reduceEvents(counted, empty, log(5), { check: 'twice' });
    expect(runs).toBe(15);
  });

  let calls = 0;
  const impure: Record<string, { readonly path: string; readonly reducer: Reducer<Record<string, unknown>> }> = {
    'counts its calls': {
      path: '/calls',
      reducer: (state) => {
        calls += 1;
        return { ...state, calls };
      },
    },
    'draws a random number': { path: '/list/0', reducer: () => ({ list: [Math.random()] }) },
    'asks what time it is': { path: '/a~1b/at', reducer: () => ({ 'a/b': { at: Date.now() } }) },
    'makes a date of now': { path: '/at', reducer: () => ({ at: new Date().toISOString() }) },
    'calls Date': { path: '/at', reducer: () => ({ at: Date() }) },
    'keeps a secret of its own': {
      path: '/odd',
      reducer: (state) => {
        calls += 1;
        return calls % 2 === 0 ? { ...state, odd: true } : state;
      },
    },
  };

  test.each(Object.entries(impure))(
    'I19 a reducer that %s is named, with where it differs',
    (_name, { path, reducer }) => {
      const error = errorOf(reducer, {});
      expect(error).toMatchObject({ code: 'reducer_disagrees', recovery: 'stop' });
      expect(error.details).toMatchObject({ stream_id: streamId, seq: '1', path });
      expect(error.details.first).not.toBe(error.details.second);
      expect(error.message).toContain(path);
    },
  );

  test('I19 outside of the check, time and chance are what they were, also after a reducer that failed', () => {
    const { Date: realDate } = globalThis;
    const { random } = Math;
    errorOf<unknown>(() => ({ at: Date.now() }), {});
    errorOf(() => {
      throw new Error('no');
    }, {});
    expect(globalThis.Date).toBe(realDate);
    expect(Math.random).toBe(random);
  });

  test('I19 dates of the payload are made as ever, and are dates', () => {
    const given: unknown[] = [];
    const dated: Reducer<string> = () => {
      const date = new Date(0);
      given.push(date instanceof Date, new Date(2020, 0).getFullYear(), Date.UTC(1970, 0));
      return date.toISOString();
    };
    expect(reduceEvents(dated, '', log(1), { check: 'twice' })).toBe('1970-01-01T00:00:00.000Z');
    expect(given).toEqual([true, 2020, 0, true, 2020, 0]);
  });

  const changing: Record<string, { what: string; path: string; reducer: Reducer<{ list: number[]; n?: number }> }> = {
    'adds to a list of the state': {
      what: 'state',
      path: '/list/0',
      reducer: (state) => {
        state.list.push(1);
        return { list: [...state.list] };
      },
    },
    'removes a member of the state': {
      what: 'state',
      path: '/n',
      reducer: (state) => {
        delete state.n;
        return { list: [] };
      },
    },
    'changes the event': {
      what: 'event',
      path: '/seq',
      reducer: (state, one) => {
        (one as { seq: bigint }).seq = 99n;
        return state;
      },
    },
  };

  test.each(Object.entries(changing))('I19 a reducer that %s is named, with what it changed', (_name, one) => {
    const state = { list: [], n: 1 };
    const error = errorOf(one.reducer, state);
    expect(error).toMatchObject({
      code: 'reducer_changed_input',
      details: { what: one.what, path: one.path, seq: '1' },
    });
    // The caller's own state is a copy away.
    expect(state).toEqual({ list: [], n: 1 });
  });

  test.each<[string, Reducer<{ n: { deep: number }; none: null }>]>([
    ['the state', (state) => Object.assign(state, { n: state.n })],
    [
      'what is inside of the state',
      (state) => {
        state.n.deep = 1;
        return state;
      },
    ],
    [
      'the event',
      (state, one) => {
        (one as { kind: string }).kind = 'item/completed';
        return state;
      },
    ],
  ])(
    'I19 a write to %s that changes nothing is refused as well: the second run sees frozen input',
    (_what, reducer) => {
      const error = errorOf(reducer, { n: { deep: 1 }, none: null });
      expect(error).toMatchObject({ code: 'reducer_failed', cause: expect.any(TypeError) });
      expect(error.message).toContain('failed');
    },
  );

  test.each([
    ['a bigint', () => ({ seq: 1n }), '/seq'],
    ['nothing', () => ({ a: { b: undefined } }), '/a/b'],
    ['a number that is none', () => [0, Number.NaN], '/1'],
    ['a map', () => ({ map: new Map() }), '/map'],
    ['a promise', () => Promise.resolve(1), ''],
  ] as const)('I19 a state with %s is refused', (_name, reducer, path) => {
    const error = errorOf<unknown>(reducer, {});
    expect(error).toMatchObject({ code: 'reducer_state_not_json', details: { path, seq: '1', epoch } });
    expect(error.message).toContain(`gave a state that JSON cannot carry at "${path}"`);
  });

  test('I19 a state that cannot even be looked at is refused, and one that the reducer spoils', () => {
    const hostile = {
      get secret(): number {
        throw new Error('not for you');
      },
    };
    const error = errorOf<unknown>(() => hostile, {});
    expect(error).toMatchObject({ code: 'reducer_state_not_json', cause: { message: 'not for you' } });
    expect(error.details.path).toBeUndefined();
    const spoiling: Reducer<{ list: unknown[] }> = (state) => {
      state.list.push(1n);
      return { list: [] };
    };
    const spoilt = errorOf(spoiling, { list: [] });
    expect(spoilt).toMatchObject({ code: 'reducer_state_not_json', details: { path: '/list/0' } });
    expect(spoilt.message).toContain('left a state');
  });

  test('I19 a state that JSON can carry only sometimes is refused, whichever run it comes from', () => {
    let runs = 0;
    const sometimes: Reducer<unknown> = () => {
      runs += 1;
      return runs === 2 ? { n: Number.NaN } : { n: 0 };
    };
    const error = errorOf(sometimes, {});
    expect(error).toMatchObject({ code: 'reducer_state_not_json', details: { path: '/n' } });
    expect(error.message).toContain('gave a state');
  });

  test('I19 both time and chance differ from run to run, each by itself', () => {
    const seen: number[] = [];
    const look: Reducer<number> = (state) => {
      seen.push(Date.now(), Math.random());
      return state;
    };
    reduceEvents(look, 0, log(2), { check: 'twice' });
    const [now = 0, random = 0, laterNow = 0, laterRandom = 0, ...again] = seen;
    // What is fixed is so for each event.
    expect(again).toEqual([now, random, laterNow, laterRandom]);
    expect(Math.abs(laterNow - now)).toBeGreaterThan(1_000_000_000);
    // Times that a program may meet: of this century.
    for (const time of [now, laterNow]) expect(time).toBeGreaterThanOrEqual(Date.UTC(2000, 0));
    expect(Math.abs(laterRandom - random)).toBeGreaterThanOrEqual(0.5);
    for (const drawn of [random, laterRandom]) expect(drawn >= 0 && drawn < 1).toBe(true);
  });

  test('I19 a state that was not JSON to begin with is refused, and checked only in the check', () => {
    const map: Reducer<Map<string, number>> = (state) => state;
    const error = errorOf(map, new Map());
    expect(error).toMatchObject({ code: 'reducer_state_not_json', details: { path: '' } });
    expect(error.message).toContain('was given a state');
    expect(reduceEvents(map, new Map(), log(2))).toEqual(new Map());
  });

  test.each(['none', 'twice'] as const)(
    'I20 what a reducer throws keeps its event and its cause (check %s)',
    (check) => {
      const cause = new Error('not this one');
      const failing: Reducer<number> = (state, { seq }) => {
        if (seq === 2n) throw cause;
        return state + 1;
      };
      expect(() => reduceEvents(failing, 0, log(3), { check })).toThrow(
        expect.objectContaining({ code: 'reducer_failed', cause, details: expect.objectContaining({ seq: '2' }) }),
      );
    },
  );

  test('another check is refused', () => {
    const check = 'thrice' as 'twice';
    expect(() => reduceEvents(pure, empty, [], { check })).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});

describe('firstDifference', () => {
  const one: JsonValue = { a: [1, { b: null }], 'x~y': 1 };
  test.each<[JsonValue, JsonValue, unknown]>([
    [one, structuredClone(one), undefined],
    [one, { ...one, 'x~y': 2 }, { path: '/x~0y', first: '1', second: '2' }],
    [one, { ...one, a: [1, { b: 0 }] }, { path: '/a/1/b', first: 'null', second: '0' }],
    [one, { ...one, a: [1] }, { path: '/a/1', first: '{"b":null}', second: 'nothing' }],
    [{}, { toString: 1 }, { path: '/toString', first: 'nothing', second: '1' }],
    [
      { b: 1, a: 1 },
      { a: 2, b: 2 },
      { path: '/a', first: '1', second: '2' },
    ],
    [{}, [], { path: '', first: '{}', second: '[]' }],
    [[], null, { path: '', first: '[]', second: 'null' }],
    ['a', 'b', { path: '', first: '"a"', second: '"b"' }],
    ['x'.repeat(500), 1, { path: '', first: `"${'x'.repeat(199)}`, second: '1' }],
  ])('I19 of %j and %j is named', (first, second, difference) => {
    expect(firstDifference(first, second)).toEqual(difference);
  });

  test('I19 is found exactly when two values are not equal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [first, second] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))];
        expect(firstDifference(first, structuredClone(first))).toBeUndefined();
        let isEqual = true;
        try {
          expect(first).toEqual(second);
        } catch {
          isEqual = false;
        }
        expect(firstDifference(first, second) === undefined).toBe(isEqual);
      }),
    );
  });
});
