import type { Cancel, Ports } from '@autopilot/sync-contract';
import { type Counters, newCounters } from './counters.ts';
import { Turns } from './turns.ts';

/** What every part of one session shares. */
export interface Environment {
  readonly ports: Ports;
  readonly counters: Counters;
  readonly turns: Turns;
  /** Later, as a turn of its own. */
  after(milliseconds: number, task: () => void): Cancel;
  /**
   * As `after`, for what the other side has to do in time. When the timer itself comes late, this process slept, and what
   * came meanwhile waits to be read: then it may take up to `graceMs` longer.
   */
  deadline(milliseconds: number, task: () => void): Cancel;
}

/** A timer that comes so much later than it was to has slept. */
const lateMs = 1000;
/** From waking to the first frame that waits in the socket, plenty. */
const graceMs = 5000;

/** The environment of a new session. */
export function newEnvironment(ports: Ports): Environment {
  const counters = newCounters();
  const turns = new Turns(() => {
    counters.listener_errors += 1;
  });
  const after = (milliseconds: number, task: () => void): Cancel =>
    ports.scheduler.after(milliseconds, () => turns.run(task));
  const deadline = (milliseconds: number, task: () => void): Cancel => {
    const due = ports.clock.monotonic() + milliseconds;
    let cancel = after(milliseconds, () => {
      if (ports.clock.monotonic() - due <= lateMs) task();
      else cancel = deadline(Math.min(milliseconds, graceMs), task);
    });
    return () => cancel();
  };
  return {
    ports,
    counters,
    turns,
    after,
    deadline,
  };
}
