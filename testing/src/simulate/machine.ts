import type { Sim } from '../fake-host/sim.ts';

/** The computer that the client runs on: its clocks, and its sleep. */
export class Machine {
  readonly #sim: Sim;
  readonly #start: number;
  #offset = 0;
  #stoodStill = 0;
  #asleep = false;
  #wake: () => void = () => {};
  #catchingUp = false;
  readonly #waiting: (() => void)[] = [];

  constructor(sim: Sim) {
    this.#sim = sim;
    this.#start = sim.now;
  }

  /** The wall clock: milliseconds since the Unix epoch. */
  now(): number {
    return this.#sim.now + this.#offset;
  }

  /** Milliseconds since the start of the run, without the sleep through which this clock stood still. */
  monotonic(): number {
    return this.#sim.now - this.#start - this.#stoodStill;
  }

  get asleep(): boolean {
    return this.#asleep;
  }

  /** Somebody sets the wall clock. */
  jump(milliseconds: number): void {
    this.#offset += milliseconds;
  }

  /** Runs a task of the client: now, or after the sleep, in the order of coming. */
  run(task: () => void): void {
    if (this.#asleep || this.#catchingUp) this.#waiting.push(task);
    else task();
  }

  /** Nothing of the client runs for so long, or until {@link wake}. */
  sleep(milliseconds: number, monotonic: 'stands' | 'leaps', woken: () => void): void {
    if (this.#asleep) return;
    this.#asleep = true;
    const since = this.#sim.now;
    const wake = () => {
      cancel();
      this.#wake = () => {};
      this.#asleep = false;
      if (monotonic === 'stands') this.#stoodStill += this.#sim.now - since;
      woken();
      // Unless it still works off what waited before: then that goes on, and finds the machine awake.
      if (!this.#catchingUp) this.#catchUp();
    };
    const cancel = this.#sim.after(milliseconds, wake);
    this.#wake = wake;
  }

  /** Ends the sleep, if there is one. */
  wake(): void {
    this.#wake();
  }

  /** What came in the meantime, one by one, so that promises run between them as they do otherwise. */
  #catchUp(): void {
    this.#catchingUp = !this.#asleep && this.#waiting.length > 0;
    if (!this.#catchingUp) return;
    this.#sim.after(0, () => {
      if (!this.#asleep) this.#waiting.shift()?.();
      this.#catchUp();
    });
  }
}
