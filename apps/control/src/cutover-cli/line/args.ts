import { isStage, type Stage } from '@autopilot/cutover-flags';
import { CliError } from '../errors.ts';
import { parseDuration, type When } from './when.ts';

/** The options and arguments of one command, read strictly. Every method throws {@link CliError} `usage`. */
export class Args {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  constructor(values: Readonly<Record<string, string | boolean | undefined>>, positionals: readonly string[]) {
    this.#values = values;
    this.positionals = positionals;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    if (typeof value !== 'string') return undefined;
    if (value.trim() === '') throw usage(`--${name} is empty.`);
    return value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw usage(`--${name} is missing.`);
    return value;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== false;
  }

  argument(index: number, name: string): string {
    const value = this.positionals[index];
    if (value === undefined || value.trim() === '') throw usage(`${name} is missing.`);
    return value;
  }

  /** A number from `least` to `most`; undefined when it is not given. */
  number(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw usage(`--${name} "${text}" is not a number from ${least} to ${most}.`);
    return value;
  }

  integer(name: string, least: number, most: number): number | undefined {
    const value = this.number(name, least, most);
    if (value !== undefined && !Number.isSafeInteger(value)) throw usage(`--${name} ${value} is not a whole number.`);
    return value;
  }

  /** A share in percent; a trailing % sign is allowed. */
  percent(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const bare = text.endsWith('%') ? text.slice(0, -1).trim() : text;
    return new Args({ [name]: bare }, []).number(name, 0, 100);
  }

  stage(name: string): Stage | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^[0-3]$/.test(text) ? Number(text) : Number.NaN;
    if (!isStage(value)) throw usage(`--${name} "${text}" is not a stage: 0, 1, 2 or 3.`);
    return value;
  }

  /** A stage or `sealed`. */
  target(name: string): Stage | 'sealed' | undefined {
    return this.text(name) === 'sealed' ? 'sealed' : this.stage(name);
  }

  /** A time, or how long from now. */
  when(name: string): When | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const duration = parseDuration(text);
    if (duration !== null) return { kind: 'in', ms: duration };
    const at = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at)) {
      throw usage(`--${name} "${text}" is neither a duration (90s, 30m, 2h, 1d) nor a time (2026-11-22T18:00:00Z).`);
    }
    return { kind: 'at', ms: at };
  }

  requiredWhen(name: string): When {
    const value = this.when(name);
    if (value === undefined) throw usage(`--${name} is missing: a duration (2h) or a time (2026-11-22T18:00:00Z).`);
    return value;
  }

  /** Names separated by commas. */
  list(name: string): readonly string[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const items = text.split(',').map((item) => item.trim());
    if (items.includes('')) throw usage(`--${name} "${text}" names nothing between two commas.`);
    return items;
  }

  /** The one of these options that is given; exactly one must be. */
  oneOf<Name extends string>(...names: readonly Name[]): Name {
    const given = names.filter((name) => this.has(name));
    const [only] = given;
    const all = names.map((name) => `--${name}`).join(', ');
    if (only === undefined) throw usage(`One of ${all} is needed.`);
    if (given.length > 1) throw usage(`Only one of ${all} can be given.`);
    return only;
  }

  /** Refuses options that have no meaning beside the others. */
  refuse(names: readonly string[], why: string): void {
    const given = names.find((name) => this.has(name));
    if (given !== undefined) throw usage(`--${given} has no meaning ${why}.`);
  }
}

/** A mistake on the command line. */
export function usage(message: string): CliError {
  return new CliError('usage', message);
}
