import { canonicalJson, isCodedError, type JsonValue, type SyncEvent } from '@autopilot/sync-contract';
import { ApplyError } from './errors.ts';
import { firstDifference } from './json-difference.ts';
import { inWorld, type World } from './world.ts';

/**
 * The state of an application after one more event. Pure: it gives the same for the same, and changes neither argument.
 * The state is data that canonical JSON can carry: no undefined, bigint, Map, Date or class.
 */
export type Reducer<State> = (state: State, event: SyncEvent) => State;

/** How to reduce. */
export interface ReduceOptions {
  /**
   * `none`: each event is reduced once. `twice`, for tests: each event is reduced twice, from copies, under two different
   * clocks and random numbers, and both must agree. It copies the state several times for every event.
   */
  readonly check?: 'none' | 'twice';
}

/** Two runs of one reducer see different time and chance, so that a state made of them cannot agree. */
const worlds: readonly [World, World] = [
  { now: 978_307_200_000, random: 0.25 },
  { now: 1_893_456_000_000, random: 0.75 },
];

/**
 * Folds applied events into a state: hand it `applied` of a batch once that is committed.
 *
 * @throws {ApplyError} `reducer_failed` in either mode, and `invalid_option` for another one. With `twice` also `reducer_disagrees` and `reducer_changed_input`
 * with `details.path` (a JSON Pointer) of the first difference, and `reducer_state_not_json`. `details.seq` names the
 * event. The state that was handed in is as it was, unless an unchecked reducer changed it.
 */
export function reduceEvents<State>(
  reducer: Reducer<State>,
  state: State,
  events: readonly SyncEvent[],
  { check = 'none' }: ReduceOptions = {},
): State {
  if (check !== 'none' && check !== 'twice') {
    throw new ApplyError('invalid_option', `check must be none or twice, not ${String(check)}.`);
  }
  const step: typeof reduceOnce = check === 'twice' ? reduceTwice : reduceOnce;
  return events.reduce((before, event) => step(reducer, before, event), state);
}

function reduceOnce<State>(reducer: Reducer<State>, state: State, event: SyncEvent): State {
  try {
    return reducer(state, event);
  } catch (cause) {
    throw refuse('reducer_failed', event, 'failed', {}, cause);
  }
}

function reduceTwice<State>(reducer: Reducer<State>, state: State, event: SyncEvent): State {
  const before = jsonOf(state, event, 'was given a state');
  // The first run may write to its copies, so that what it changes can be named; sloppy code does not throw on frozen ones.
  const open = { state: copyOf<State>(before), event: { ...event } };
  const first = inWorld(worlds[0], () => reduceOnce(reducer, open.state, open.event));
  expectUnchanged(event, 'state', JSON.parse(before), JSON.parse(jsonOf(open.state, event, 'left a state')));
  expectUnchanged(event, 'event', plain(event), plain(open.event));
  const second = inWorld(worlds[1], () =>
    reduceOnce(reducer, deepFreeze(copyOf<State>(before)), Object.freeze({ ...event })),
  );
  const one = jsonOf(first, event, 'gave a state');
  const other = jsonOf(second, event, 'gave a state');
  if (one === other) return second;
  const difference = firstDifference(JSON.parse(one), JSON.parse(other));
  throw refuse('reducer_disagrees', event, `gave two states for one input, which differ at "${difference?.path}"`, {
    ...difference,
  });
}

function expectUnchanged(event: SyncEvent, what: 'state' | 'event', before: JsonValue, after: JsonValue): void {
  const difference = firstDifference(before, after);
  if (difference === undefined) return;
  const { path } = difference;
  throw refuse('reducer_changed_input', event, `changed the ${what} it was given, at "${path}"`, {
    what,
    ...difference,
  });
}

function jsonOf(state: unknown, event: SyncEvent, what: string): string {
  try {
    return canonicalJson(state);
  } catch (cause) {
    const path = isCodedError(cause) ? cause.details.path : undefined;
    throw refuse('reducer_state_not_json', event, `${what} that JSON cannot carry at "${path}"`, { path }, cause);
  }
}

function copyOf<State>(json: string): State {
  return JSON.parse(json) as State;
}

/** An event as JSON: its bigints as texts. */
function plain(event: SyncEvent): JsonValue {
  return JSON.parse(JSON.stringify(event, (_name, value) => (typeof value === 'bigint' ? `${value}` : value)));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

function refuse(
  code: 'reducer_failed' | 'reducer_disagrees' | 'reducer_changed_input' | 'reducer_state_not_json',
  { stream_id, epoch, seq }: SyncEvent,
  what: string,
  details: Readonly<Record<string, unknown>>,
  cause?: unknown,
): ApplyError {
  const place = { stream_id, epoch, seq: `${seq}` };
  const message = `The reducer ${what} (event ${seq} of ${stream_id}).`;
  return new ApplyError(code, message, { cause, details: { ...place, ...details } });
}
