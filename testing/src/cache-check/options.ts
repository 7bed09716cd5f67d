import { parseArgs } from 'node:util';
import { type DefectName, defectNames } from './defects.ts';
import { CacheCheckError } from './errors.ts';
import { allFaults, type FaultKind, faultKinds, isFaultKind } from './faults.ts';
import type { ClientName, Reads } from './record.ts';

/** What the command line asks for. */
export interface CacheCheckOptions {
  /** Where a server runs already; undefined starts the embedded host. */
  readonly uri: string | undefined;
  readonly database: string;
  readonly workload: 'tables' | 'streams';
  /** A file with the token that publishes and owns the database; undefined mints one. */
  readonly tokenFile: string | undefined;
  readonly subscribers: number;
  readonly seconds: number;
  /** Transactions per second that the writers aim at. */
  readonly rate: number;
  readonly seed: number;
  readonly faults: readonly FaultKind[];
  readonly clients: readonly ClientName[];
  readonly reads: readonly Reads[];
  /** What the official client asks for; our session asks for none. */
  readonly sdkCompression: 'gzip' | 'none';
  /** How often sessions replace their token, and with it their connection; undefined for never. */
  readonly tokenSeconds: number | undefined;
  readonly defect: DefectName | undefined;
  /** Where the report and the records go. */
  readonly out: string;
  readonly json: boolean;
}

const faultLines = Object.entries(faultKinds).map(
  ([name, { text }]) => `                     ${name.padEnd(12)} ${text}`,
);

export const help = `check:cache [options]

Checks what the caches of many subscriber processes show while processes are killed and stopped and connections break,
against the log of the server. Exits 0 when every property held, 1 when one did not, 3 when too little was seen to say.

  --subscribers N     subscriber processes (default 8)
  --seconds N         how long faults are made (default 30)
  --rate N            transactions per second (default 60)
  --seed N            the same seed chooses the same faults (default 1)
  --faults A,B,...    which faults (default: all that can be made):
${faultLines.join('\n')}
  --workload WHICH    tables (subscriptions to tables, by a module of the check) or streams (of the module autopilot-sync,
                      followed by the session alone) (default tables)
  --client WHICH      session (this repository's), sdk (DbConnection of npm's spacetimedb, with a plain reconnect) or
                      both (default session)
  --reads WHICH       confirmed, unconfirmed or both (default both)
  --token-seconds N   sessions replace their token, and with it their connection, so often (default never)
  --sdk-compression C gzip, which is the SDK's default, or none (default gzip)
  --uri URL           a server that runs already, in place of the embedded host; it is not killed or stopped
  --database NAME     the database to make there; it must not exist (default cache-check)
  --token-file FILE   the token that makes and owns the database (default: one is minted)
  --defect NAME       subscribers with a fault of their own, to see that the check finds it: ${defectNames.join(', ')}
  --out DIR           where report, plot and records go (default cache-check)
  --json              print one JSON line at the end, and nothing else on standard output
  --help              this text
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const spec = {
  ...{
    uri: text,
    database: text,
    workload: text,
    'token-file': text,
    subscribers: text,
    seconds: text,
    rate: text,
    seed: text,
  },
  ...{
    faults: text,
    client: text,
    reads: text,
    'sdk-compression': text,
    defect: text,
    out: text,
    'token-seconds': text,
  },
  ...{ json: flag, help: flag },
} as const;

/**
 * Reads the command line.
 *
 * @throws {CacheCheckError} `usage` with one line that names the option.
 */
export function parseCacheCheckOptions(args: readonly string[]): CacheCheckOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const { uri, json } = values;
  const client = oneOf('client', values.client ?? 'session', ['session', 'sdk', 'both'] as const);
  const reads = oneOf('reads', values.reads ?? 'both', ['confirmed', 'unconfirmed', 'both'] as const);
  const workload = oneOf('workload', values.workload ?? 'tables', ['tables', 'streams'] as const);
  if (workload === 'streams' && client !== 'session') throw usage('--workload streams is for --client session alone.');
  if (workload === 'streams' && values.defect !== undefined) throw usage('--defect is for --workload tables.');
  // Faults are made on the bytes between client and server, whose names a certificate would not fit.
  if (uri !== undefined && !(URL.canParse(uri) && new URL(uri).protocol === 'http:')) {
    throw usage(`--uri takes an http URL, not "${uri}".`);
  }
  return {
    ...{ uri, json, workload },
    database: values.database ?? 'cache-check',
    tokenFile: values['token-file'],
    subscribers: whole('subscribers', values.subscribers ?? '8', 1, 200),
    seconds: whole('seconds', values.seconds ?? '30', 1, 86_400),
    rate: whole('rate', values.rate ?? '60', 1, 10_000),
    seed: whole('seed', values.seed ?? '1', 0, 0xffff_ffff),
    faults: faultsOf(values.faults, uri !== undefined),
    clients: client === 'both' ? ['session', 'sdk'] : [client],
    reads: reads === 'both' ? ['confirmed', 'unconfirmed'] : [reads],
    sdkCompression: oneOf('sdk-compression', values['sdk-compression'] ?? 'gzip', ['gzip', 'none'] as const),
    tokenSeconds:
      values['token-seconds'] === undefined ? undefined : whole('token-seconds', values['token-seconds'], 1, 86_400),
    defect: values.defect === undefined ? undefined : oneOf('defect', values.defect, defectNames),
    out: values.out ?? 'cache-check',
  };
}

function faultsOf(given: string | undefined, isForeign: boolean): readonly FaultKind[] {
  const possible = allFaults.filter((kind) => !isForeign || faultKinds[kind].side === 'subscriber');
  if (given === undefined) return possible;
  return given.split(',').map((name) => {
    if (!isFaultKind(name)) throw usage(`--faults knows ${allFaults.join(', ')}; not "${name}".`);
    if (!possible.includes(name)) throw usage(`${name} cannot be made on a server that --uri names.`);
    return name;
  });
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: spec, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const message = (cause as Error).message;
    throw new CacheCheckError('usage', message.split(/\. |\n/)[0] ?? message, { cause });
  }
}

function whole(name: string, given: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`--${name} takes a whole number from ${least} to ${most}, not "${given}".`);
}

function oneOf<Value extends string>(name: string, given: string, known: readonly Value[]): Value {
  const found = known.find((value) => value === given);
  if (found === undefined) throw usage(`--${name} takes ${known.join(', ')}; not "${given}".`);
  return found;
}

function usage(message: string): CacheCheckError {
  return new CacheCheckError('usage', message);
}
