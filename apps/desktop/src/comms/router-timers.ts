import type { Cancel, Ports } from '@autopilot/sync-contract';

/** The waiting of the router: one alarm clock for the phase, and one for the next look at the lane that is prepared. */
export interface RouterTimers {
  /** Milliseconds until the phase is over; 0 when nothing waits. */
  left(): number;
  arm(delay: number, due: () => void): void;
  disarm(): void;
  lookIn(delay: number, look: () => void): void;
  stopLooking(): void;
}

/** Nothing waits. */
export function createRouterTimers({ scheduler, clock }: Pick<Ports, 'scheduler' | 'clock'>): RouterTimers {
  let armed: Cancel | undefined;
  let dueAt = 0;
  let looking: Cancel | undefined;
  const disarm = () => {
    armed?.();
    armed = undefined;
  };
  const stopLooking = () => {
    looking?.();
    looking = undefined;
  };
  return {
    left: () => Math.max(0, dueAt - clock.monotonic()),
    arm(delay, due) {
      disarm();
      dueAt = clock.monotonic() + delay;
      armed = scheduler.after(delay, () => {
        armed = undefined;
        due();
      });
    },
    disarm,
    lookIn(delay, look) {
      stopLooking();
      looking = scheduler.after(delay, look);
    },
    stopLooking,
  };
}
