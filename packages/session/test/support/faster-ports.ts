import type { Ports } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';

/** The ports of this process in a world that goes so many times faster, and without jitter: for waits of whole seconds. */
export function fasterPorts(factor: number): Ports {
  const { clock, random, scheduler } = systemPorts;
  const began = clock.now();
  return {
    clock: {
      now: () => began + (clock.now() - began) * factor,
      monotonic: () => clock.monotonic() * factor,
    },
    random: { ...random, next: () => 0 },
    scheduler: { after: (milliseconds, task) => scheduler.after(milliseconds / factor, task) },
  };
}
