import type { Output } from '../io.ts';
import { plain } from './text.ts';

/** How often progress is said, milliseconds: often on a terminal, where it replaces itself, seldom in a log. */
const everyOnTerminal = 100;
const everyInLog = 5_000;

/** Says on standard error how far a long command is. */
export class Progress {
  readonly #output: Output;
  readonly #now: () => number;
  #last: number;
  #shown = 0;

  constructor(output: Output, now: () => number) {
    this.#output = output;
    this.#now = now;
    this.#last = now() - everyOnTerminal;
    if (!output.terminal) this.#last = now();
  }

  say(text: string): void {
    const now = this.#now();
    if (now - this.#last < (this.#output.terminal ? everyOnTerminal : everyInLog)) return;
    this.#last = now;
    const line = plain(text).slice(0, this.#output.columns - 1);
    if (!this.#output.terminal) this.#output.write(`${line}\n`);
    else {
      this.#output.write(`\r${line.padEnd(this.#shown)}`);
      this.#shown = line.length;
    }
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown > 0) this.#output.write(`\r${' '.repeat(this.#shown)}\r`);
    this.#shown = 0;
  }
}
