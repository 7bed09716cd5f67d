import type { History } from './desktop-state.ts';

/** Collects the last minutes for a plot. */
export interface HistoryRecorder {
  countApplied(events: number): void;
  /** Ends a step. */
  step(now: number, lag: number | null): void;
  snapshot(): History;
  /** Events per second over the last `steps` ended steps and the open one. */
  rate(now: number, steps: number): number;
}

/** @param now The start of the first step. */
export function createHistory(stepMs: number, steps: number, now: number): HistoryRecorder {
  let applied: readonly number[] = [];
  let lag: readonly (number | null)[] = [];
  let open = 0;
  let until = now;
  return {
    countApplied(events) {
      open += events;
    },
    step(at, lagEvents) {
      applied = [...applied.slice(1 - steps), open];
      lag = [...lag.slice(1 - steps), lagEvents];
      open = 0;
      until = at;
    },
    snapshot: () => ({ step_ms: stepMs, until, applied, lag }),
    rate(at, count) {
      const ended = applied.slice(-count);
      const elapsed = ended.length * stepMs + Math.max(0, at - until);
      if (elapsed <= 0) return 0;
      return ((ended.reduce((sum, step) => sum + step, 0) + open) * 1000) / elapsed;
    },
  };
}
