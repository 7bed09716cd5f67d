import type { ControlClient } from './control/control-client.ts';
import type { Ending } from './exit-codes.ts';
import type { CliIo } from './io.ts';
import type { Args } from './line/args.ts';
import type { Page } from './view/page.ts';
import type { Progress } from './view/progress.ts';

/** What a command gives: for a machine, and for a person. */
export interface Outcome {
  readonly ending: Ending;
  /** The `result` of --json. */
  readonly result: unknown;
  /** Writes it for a person. */
  show(page: Page): void;
  /** Printed as it is instead of a page, e.g. NDJSON. */
  readonly raw?: string;
}

/** What a command works with once the command line is understood. */
export interface Call {
  readonly io: CliIo;
  /** The arguments as they were given, for the line that repeats the command. */
  readonly given: readonly string[];
  readonly progress: Progress;
  /** @throws {CliError} `usage` without URL or credentials. */
  control(): ControlClient;
  /** Whether URL and credentials were given. */
  readonly hasControl: boolean;
  /** Tells a person something at once, beside the result. */
  note(text: string): void;
}

/** One option. */
export interface OptionSpec {
  /** What stands for its value in the help; none for a switch. */
  readonly value?: string;
  readonly text: string;
}

/** One command of the command line. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Lines after `cutover`. */
  readonly usage: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Least and most arguments that are no options. */
  readonly arguments: readonly [number, number];
  /** Whether it takes --reason, --key and --revision. */
  readonly changes?: boolean;
  /**
   * Understands the whole line without touching anything, and gives what does it.
   *
   * @throws {CliError} `usage`.
   */
  read(args: Args): (call: Call) => Promise<Outcome>;
}
