import type { Cancel, Clock, Ports, Scheduler } from '@autopilot/sync-contract';
import type { Log } from '../../src/log.ts';

/** Time that only moves when it is told to. */
export interface TestPorts extends Ports {
  /** Runs what becomes due on the way, in order. */
  advance(milliseconds: number): void;
  /** Timers that are set. */
  readonly pending: number;
}

/** A clock at `start` milliseconds since the Unix epoch. */
export function testPorts(start = 1_800_000_000_000): TestPorts {
  let elapsed = 0;
  let order = 0;
  const timers = new Map<number, { readonly due: number; readonly task: () => void }>();
  const clock: Clock = { now: () => start + elapsed, monotonic: () => elapsed };
  const scheduler: Scheduler = {
    after(milliseconds, task): Cancel {
      order += 1;
      const id = order;
      timers.set(id, { due: elapsed + milliseconds, task });
      return () => timers.delete(id);
    },
  };
  let seed = 1;
  const random = {
    next: () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    },
    bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(random.next() * 256)),
  };
  return {
    clock,
    scheduler,
    random,
    advance(milliseconds) {
      const end = elapsed + milliseconds;
      for (;;) {
        const next = [...timers]
          .filter(([, timer]) => timer.due <= end)
          .sort(([a, x], [b, y]) => x.due - y.due || a - b)[0];
        if (next === undefined) break;
        timers.delete(next[0]);
        elapsed = Math.max(elapsed, next[1].due);
        next[1].task();
      }
      elapsed = end;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** A log that keeps its lines. */
export function memoryLog(): Log & { readonly lines: { readonly level: string; readonly message: string }[] } {
  const lines: { level: string; message: string }[] = [];
  const at = (level: string) => (_fields: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push({ level, message });
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}
