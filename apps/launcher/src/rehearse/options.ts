import { parseArgs } from 'node:util';
import { LaunchError } from '../errors.ts';

/** What the command line asks for. */
export interface RehearseOptions {
  readonly json: boolean;
  readonly quick: boolean;
  /** Events that are published to the streams of the fleet. */
  readonly events: number;
  /** Simulated desktops; two real ones come on top. */
  readonly desktops: number;
  /** Where report and evidence go. */
  readonly out: string;
  readonly seed: number;
  /** A folder with receipts of `pnpm gate` and their trusted-keys.json; undefined for those of the repository. */
  readonly receipts: string | undefined;
}

export const help = `cutover rehearse [options]

Rehearses the whole cutover on a pair of lanes on this machine, with real processes, under load and faults:
Stage 0 -> 1 -> 2 -> 1 -> 2 -> 3 -> sealed. Exits 0 only when every check held.

  --quick          a small fleet and two cohort steps, for CI (some minutes)
  --events N       events to publish (default 21000; 12000 with --quick)
  --desktops N     simulated desktops, besides two real ones (default 48; 10 with --quick)
  --out DIR        where report and evidence go (default cutover-rehearsal)
  --seed N         the same seed makes the same load and faults (default 1)
  --receipts DIR   *.dsse.json and trusted-keys.json of the gates (default: those of the repository, from pnpm gate)
  --json           print one JSON line at the end, and nothing else on standard output
  --help           this text
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const spec = {
  ...{ json: flag, quick: flag, help: flag },
  ...{ events: text, desktops: text, out: text, seed: text, receipts: text },
} as const;

/**
 * Reads the command line.
 *
 * @throws {LaunchError} `usage` with one line that names the option.
 */
export function parseRehearseOptions(args: readonly string[]): RehearseOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const { quick, json, receipts } = values;
  return {
    ...{ quick, json, receipts },
    events: whole('events', values.events ?? (quick ? '12000' : '21000'), 2_000, 10_000_000),
    desktops: whole('desktops', values.desktops ?? (quick ? '10' : '48'), 4, 400),
    out: values.out ?? 'cutover-rehearsal',
    seed: whole('seed', values.seed ?? '1', 0, 0xffff_ffff),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: spec, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const message = (cause as Error).message;
    throw new LaunchError('usage', message.split(/\. |\n/)[0] ?? message, { cause });
  }
}

function whole(name: string, given: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new LaunchError('usage', `--${name} takes a whole number from ${least} to ${most}, not "${given}".`);
}
