import type { Ports } from '@autopilot/sync-contract';

/** Ports whose time moves only when told. Chance repeats a fixed series. */
export interface ManualPorts extends Ports {
  /** Runs what is due within the next milliseconds, in order of time. */
  advance(milliseconds: number): Promise<void>;
  /** How many timers wait. */
  waiting(): number;
}

export function manualPorts(): ManualPorts {
  let now = 1_000_000;
  let made = 0;
  let draws = 0;
  const timers = new Map<number, { readonly at: number; readonly task: () => void }>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return {
    clock: { now: () => now, monotonic: () => now },
    random: {
      next: () => 0.5,
      bytes: (length) => {
        draws += 1;
        return new Uint8Array(length).fill(draws);
      },
    },
    scheduler: {
      after(milliseconds, task) {
        made += 1;
        const id = made;
        timers.set(id, { at: now + milliseconds, task });
        return () => timers.delete(id);
      },
    },
    waiting: () => timers.size,
    async advance(milliseconds) {
      const until = now + milliseconds;
      await settle();
      for (;;) {
        const due = [...timers]
          .filter(([, timer]) => timer.at <= until)
          .sort((a, b) => a[1].at - b[1].at || a[0] - b[0]);
        const first = due[0];
        if (first === undefined) break;
        timers.delete(first[0]);
        now = Math.max(now, first[1].at);
        first[1].task();
        await settle();
      }
      now = until;
    },
  };
}
