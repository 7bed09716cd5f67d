import type { Ports } from '@autopilot/sync-contract';

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/** Ports of a world whose time only moves when a test moves it. */
export interface SimulatedPorts extends Ports {
  /** Moves time and runs what falls due, in order. */
  advance(milliseconds: number): void;
  /** Runs the next timer, whenever it is due; false when there is none. */
  runNext(): boolean;
}

/** Ports with a clock at a fixed date and a seeded generator. */
export function simulatedPorts(seed = 1): SimulatedPorts {
  let now = Date.parse('2026-11-22T00:00:00Z');
  const start = now;
  const timers = new Set<Timer>();
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const earliest = () => [...timers].sort((a, b) => a.at - b.at)[0];
  const run = (timer: Timer) => {
    timers.delete(timer);
    now = Math.max(now, timer.at);
    timer.task();
  };
  return {
    clock: { now: () => now, monotonic: () => now - start },
    random: { next, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) },
    scheduler: {
      after(milliseconds, task) {
        const timer = { at: now + Math.max(0, milliseconds), task };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    advance(milliseconds) {
      const until = now + milliseconds;
      for (let timer = earliest(); timer !== undefined && timer.at <= until; timer = earliest()) run(timer);
      now = until;
    },
    runNext() {
      const timer = earliest();
      if (timer !== undefined) run(timer);
      return timer !== undefined;
    },
  };
}
