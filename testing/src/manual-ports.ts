import type { Ports } from '@autopilot/sync-contract';

/** Ports of a world whose time moves only when a test moves it. */
export interface ManualPorts extends Ports {
  /** Moves time and runs what becomes due on the way: in order of time, then of being set. */
  advance(milliseconds: number): void;
  /** As `advance`, but lets promises run before each timer and after the last one. */
  advanceAsync(milliseconds: number): Promise<void>;
  /** Moves time without running anything, as a machine that slept. */
  jump(milliseconds: number): void;
  /** Moves time to the next timer and runs it; false when there is none. */
  runNext(): boolean;
  /** Timers that are set. */
  readonly pending: number;
}

/** Options of {@link manualPorts}. */
export interface ManualPortsOptions {
  /** Milliseconds since the Unix epoch. The monotonic clock starts at 0. Default 1,800,000,000,000. */
  readonly start?: number;
  /** Another seed is another series of random numbers. Default 1. */
  readonly seed?: number;
  /** The random number that is always drawn, instead of a series. Bytes are not affected. */
  readonly draw?: number;
}

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/** Microtasks after which whatever can go on without time has gone on. */
const settlingTurns = 20;

/** Makes ports whose clock stands still, and whose chance repeats itself from run to run. */
export function manualPorts({ start = 1_800_000_000_000, seed = 1, draw }: ManualPortsOptions = {}): ManualPorts {
  let elapsed = 0;
  let state = seed >>> 0;
  const timers = new Set<Timer>();
  const series = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  /** A set keeps the order of being set, so the first of equal times is the one to run. */
  const earliest = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (first === undefined || timer.at < first.at) first = timer;
    return first;
  };
  const run = (timer: Timer): void => {
    timers.delete(timer);
    elapsed = Math.max(elapsed, timer.at);
    timer.task();
  };
  const runDue = (until: number): boolean => {
    const timer = earliest();
    if (timer === undefined || timer.at > until) return false;
    run(timer);
    return true;
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < settlingTurns; turn += 1) await Promise.resolve();
  };
  return {
    clock: { now: () => start + elapsed, monotonic: () => elapsed },
    random: {
      next: () => draw ?? series(),
      bytes: (length) => Uint8Array.from({ length }, () => Math.floor(series() * 256)),
    },
    scheduler: {
      after(milliseconds, task) {
        const timer = { at: elapsed + Math.max(0, milliseconds), task };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    advance(milliseconds) {
      const until = elapsed + milliseconds;
      while (runDue(until));
      elapsed = Math.max(elapsed, until);
    },
    async advanceAsync(milliseconds) {
      const until = elapsed + milliseconds;
      do await settle();
      while (runDue(until));
      elapsed = Math.max(elapsed, until);
    },
    jump(milliseconds) {
      elapsed += milliseconds;
    },
    runNext: () => runDue(Number.POSITIVE_INFINITY),
    get pending() {
      return timers.size;
    },
  };
}
