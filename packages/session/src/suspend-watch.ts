import type { Cancel } from '@autopilot/sync-contract';
import type { Environment } from './environment.ts';

const tickMs = 5000;
/** More than any listener or garbage collection should hold up a process. */
const sleptMs = 10_000;

/**
 * Notices that the machine or the process was suspended: a timer came much later than it was to. By the monotonic clock,
 * and by the wall clock beside it, because on some systems the monotonic one stands still while the machine sleeps. A
 * wall clock that is put forward looks the same, and what follows from waking does no harm then.
 */
export class SuspendWatch {
  readonly #env: Environment;
  readonly #woke: () => void;
  #cancel: Cancel = () => {};

  constructor(env: Environment, woke: () => void) {
    this.#env = env;
    this.#woke = woke;
  }

  start(): void {
    this.stop();
    const { clock } = this.#env.ports;
    const monotonic = clock.monotonic();
    const wall = clock.now();
    this.#cancel = this.#env.after(tickMs, () => {
      const gone = Math.max(clock.monotonic() - monotonic, clock.now() - wall);
      this.start();
      if (gone - tickMs >= sleptMs) this.#woke();
    });
  }

  stop(): void {
    this.#cancel();
  }
}
