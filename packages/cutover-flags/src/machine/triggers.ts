import type { CutoverConfig, Trigger, TriggerClause } from './config.ts';
import type { TriggerState } from './state.ts';

/** What an observation did to a trigger. */
export interface Watched {
  readonly state: TriggerState;
  /** It acts now. */
  readonly fires: boolean;
  /** It has been good for long enough after it had acted. */
  readonly cleared: boolean;
}

type Level = 'bad' | 'between' | 'good' | 'unknown';

const atRest: TriggerState = { bad_since: null, good_since: null, fired: false };

/**
 * Follows one trigger. Once bad it stays bad until a signal is back on the good side of its `clear` value: a value that
 * moves about the limit neither restarts the time nor acts twice. What is not known neither acts nor clears.
 */
export function watch(
  trigger: Trigger,
  before: TriggerState = atRest,
  signals: Readonly<Record<string, number | null>>,
  now: number,
  { trigger_clear_ms }: CutoverConfig,
): Watched {
  const level = levelOf(trigger, signals);
  if (level === 'unknown') return { state: settle(before, { good_since: null }), fires: false, cleared: false };
  if (level === 'good') {
    const good_since = before.good_since ?? now;
    const cleared = before.fired && now - good_since >= trigger_clear_ms;
    const state = settle(before, { bad_since: null, good_since, fired: before.fired && !cleared });
    return { state, fires: false, cleared };
  }
  const bad_since = before.bad_since ?? (level === 'bad' ? now : null);
  const fires = bad_since !== null && !before.fired && now - bad_since >= trigger.for_ms;
  return {
    state: settle(before, { bad_since, good_since: null, fired: before.fired || fires }),
    fires,
    cleared: false,
  };
}

/** All clauses bad is bad; one that is good is enough to be good. */
function levelOf(trigger: Trigger, signals: Readonly<Record<string, number | null>>): Level {
  if (trigger.samples !== null) {
    const samples = known(signals, trigger.samples.signal);
    if (samples === null || samples < trigger.samples.at_least) return 'unknown';
  }
  const levels = trigger.clauses.map((clause) => clauseLevel(clause, known(signals, clause.signal)));
  if (levels.includes('good')) return 'good';
  if (levels.includes('unknown')) return 'unknown';
  return levels.every((level) => level === 'bad') ? 'bad' : 'between';
}

function clauseLevel({ above, below, clear }: TriggerClause, value: number | null): Level {
  if (value === null) return 'unknown';
  if (above !== null) {
    if (value > above) return 'bad';
    return value <= clear ? 'good' : 'between';
  }
  if (below !== null && value < below) return 'bad';
  return value >= clear ? 'good' : 'between';
}

function known(signals: Readonly<Record<string, number | null>>, name: string): number | null {
  const value = Object.hasOwn(signals, name) ? signals[name] : null;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** The same object when nothing changed, so that an observation without news makes no revision. */
function settle(before: TriggerState, patch: Partial<TriggerState>): TriggerState {
  const after = { ...before, ...patch };
  const same = (Object.keys(after) as (keyof TriggerState)[]).every((key) => after[key] === before[key]);
  return same ? before : after;
}
