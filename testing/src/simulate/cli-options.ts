import { parseArgs } from 'node:util';

/** What `pnpm simulate` was asked for. */
export type CliOptions =
  | { readonly run: 'help' }
  | { readonly run: 'wrong'; readonly message: string }
  | { readonly run: 'replay'; readonly seed: number | undefined; readonly file: string | undefined }
  | {
      readonly run: 'seeds';
      readonly from: number;
      readonly count: number;
      readonly workers: number;
      readonly json: boolean;
      /** Where failing seeds are written to, shrunk; not set: nowhere. */
      readonly save: string | undefined;
    };

/** How to call it. */
export const usage = `pnpm simulate [options]

  --seeds N     run N seeds (default 500)
  --from S      the first of them (default 1)
  --seed S      run this one
  --replay      with --seed: print everything that happens in it
  --file FILE   print everything that happens in the run of a regression file
  --workers N   run in N threads (default 1)
  --save DIR    shrink every failing seed and write it there as a regression file
  --json        print one JSON object`;

/** Reads the arguments; never throws. */
export function readOptions(args: readonly string[]): CliOptions {
  const wrong = (message: string): CliOptions => ({ run: 'wrong', message });
  let values: Record<string, string | boolean | undefined>;
  try {
    // npm takes the `--` of `npm run simulate -- --seeds 5` away, pnpm hands it on.
    values = parseArgs({
      args: args[0] === '--' ? args.slice(1) : [...args],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        replay: { type: 'boolean' },
        file: { type: 'string' },
        workers: { type: 'string' },
        save: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (values.help === true) return { run: 'help' };
  const numbers: Record<string, number | undefined> = {};
  for (const name of ['seeds', 'from', 'seed', 'workers']) {
    const text = values[name];
    if (typeof text !== 'string') continue;
    const number = Number(text);
    const least = name === 'seeds' || name === 'workers' ? 1 : 0;
    if (!/^\d+$/.test(text) || number < least || number > 2 ** 31 - 1) {
      return wrong(`--${name} must be a whole number from ${least} to ${2 ** 31 - 1}, not "${text}".`);
    }
    numbers[name] = number;
  }
  const { seeds, from, seed, workers = 1 } = numbers;
  const file = typeof values.file === 'string' ? values.file : undefined;
  if (seed !== undefined && (seeds !== undefined || from !== undefined)) {
    return wrong('--seed names one seed: leave --seeds and --from out.');
  }
  if (file !== undefined) return { run: 'replay', seed: undefined, file };
  if (values.replay === true) {
    return seed === undefined ? wrong('--replay needs --seed S.') : { run: 'replay', seed, file: undefined };
  }
  const save = typeof values.save === 'string' ? values.save : undefined;
  const count = seed === undefined ? (seeds ?? 500) : 1;
  return { run: 'seeds', from: seed ?? from ?? 1, count, workers, json: values.json === true, save };
}
