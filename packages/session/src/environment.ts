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
}

/** The environment of a new session. */
export function newEnvironment(ports: Ports): Environment {
  const counters = newCounters();
  const turns = new Turns(() => {
    counters.listener_errors += 1;
  });
  return {
    ports,
    counters,
    turns,
    after: (milliseconds, task) => ports.scheduler.after(milliseconds, () => turns.run(task)),
  };
}
