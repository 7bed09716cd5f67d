import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LaneId } from '@autopilot/sync-contract';
import { z } from 'zod';
import { DesktopError } from '../errors.ts';
import { laneOf, readSecret } from '../options.ts';

/** One client of control that simulated desktops act as. */
export interface SimulatedClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What the command line asks for. */
export interface SimulatedOptions {
  readonly units: number;
  readonly unitPrefix: string;
  readonly control: string;
  readonly khala: string | undefined;
  readonly khalaTokenFile: string | undefined;
  /** Unit `i` is a desktop of client `i` modulo their number. */
  readonly clients: readonly SimulatedClient[];
  /** Where the stores are; undefined for a temporary folder that goes away at the end. */
  readonly dataDir: string | undefined;
  readonly port: number;
  readonly staggerMs: number;
  readonly dwellMs: number | undefined;
  readonly liveWithinMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  /** The lane that the first `nullRunUnits` units read twice; undefined for none. */
  readonly nullRun: LaneId | undefined;
  readonly nullRunUnits: number;
  readonly environment: string;
  readonly readyJson: boolean;
}

export const help = `simulated desktops --units N --control URL (--client-id ID --client-secret-file FILE | --clients FILE) [options]

Many desktop cores in one process, without feed and page: the same router, pipeline and store as the desktop. For
rehearsals of a cutover.

  --units N                   how many, 1 to 1000
  --unit-prefix TEXT          unit ids are PREFIX-001, PREFIX-002 ... (default sim)
  --control URL               the control service that gives tokens and policies
  --client-id ID              the client that all of them are, with
  --client-secret-file FILE   a file with its secret as its only line
  --clients FILE              JSON [{"client_id", "secret"}]: they are used in turn
  --khala URL                 the legacy lane; without it, it is never used
  --khala-token-file FILE     a file with the credential that khala gives tokens for
  --data-dir DIR              where the stores are; default: a temporary folder that goes away at the end
  --listen 127.0.0.1:PORT     where GET /state is answered; default port 0, any free one
  --stagger-ms MS             the pause between two starts (default 20)
  --dwell-ms MS               how long lanes are kept after a change (default as the desktop)
  --live-within-ms MS         how long the next lane may take to become live (default as the desktop)
  --heartbeat-ms MS           the longest time between two heartbeats and two questions for the policy
  --null-run LANE             khala or spacetime: read it twice while it is open and compare the two readers
  --null-run-units N          how many of the units do so, the first ones (default 1)
  --environment NAME          keeps the streams of environments apart (default dev)
  --ready-json                print {"ready":"simulated","url":...} when all are started
  --help                      this text
`;

const text = { type: 'string' } as const;
const spec = {
  units: text,
  'unit-prefix': { ...text, default: 'sim' },
  control: text,
  'client-id': text,
  'client-secret-file': text,
  clients: text,
  khala: text,
  'khala-token-file': text,
  'data-dir': text,
  listen: { ...text, default: '127.0.0.1:0' },
  'stagger-ms': { ...text, default: '20' },
  'dwell-ms': text,
  'live-within-ms': text,
  'heartbeat-ms': text,
  'null-run': text,
  'null-run-units': text,
  environment: { ...text, default: 'dev' },
  'ready-json': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const clientsSchema = z.array(z.object({ client_id: z.string().min(1), secret: z.string().min(1) })).min(1);

/**
 * Reads the command line.
 *
 * @throws {DesktopError} `usage`, `secret_unreadable`.
 */
export function parseSimulatedOptions(args: readonly string[]): SimulatedOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const port = /^127\.0\.0\.1:(\d{1,5})$/.exec(values.listen)?.[1];
  if (port === undefined || Number(port) > 65_535) throw usage('--listen must be 127.0.0.1:PORT.');
  const units = whole('units', values.units ?? '', 1, 1000);
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(values['unit-prefix'])) throw usage('--unit-prefix must be of A-Z a-z 0-9 . _ -');
  const optional = (name: 'dwell-ms' | 'live-within-ms' | 'heartbeat-ms') => {
    const value = values[name];
    return value === undefined ? undefined : whole(name, value, 1, 3_600_000);
  };
  const nullRun = laneOf(values['null-run'], values.khala);
  if (nullRun === undefined && values['null-run-units'] !== undefined)
    throw usage('--null-run-units needs --null-run.');
  return {
    units,
    unitPrefix: values['unit-prefix'],
    control: httpUrl('control', values.control),
    khala: values.khala === undefined ? undefined : httpUrl('khala', values.khala),
    khalaTokenFile: values['khala-token-file'],
    clients: clientsOf(values),
    dataDir: values['data-dir'],
    port: Number(port),
    staggerMs: whole('stagger-ms', values['stagger-ms'], 0, 60_000),
    dwellMs: optional('dwell-ms'),
    liveWithinMs: optional('live-within-ms'),
    heartbeatMs: optional('heartbeat-ms'),
    nullRun,
    nullRunUnits: whole('null-run-units', values['null-run-units'] ?? '1', 1, units),
    environment: values.environment,
    readyJson: values['ready-json'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: spec, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const [sentence = ''] = (cause as Error).message.split('. ');
    throw new DesktopError('usage', `${sentence.replace(/\.$/, '')}.`, { cause });
  }
}

function clientsOf(values: ReturnType<typeof parse>): readonly SimulatedClient[] {
  const { clients } = values;
  if (clients === undefined) {
    const clientId = values['client-id'];
    const file = values['client-secret-file'];
    if (clientId === undefined || file === undefined) {
      throw usage('Give --client-id with --client-secret-file, or --clients.');
    }
    return [{ clientId, clientSecret: readSecret(file) }];
  }
  try {
    const listed = clientsSchema.parse(JSON.parse(readFileSync(clients, 'utf8')));
    return listed.map(({ client_id, secret }) => ({ clientId: client_id, clientSecret: secret }));
  } catch (cause) {
    throw new DesktopError(
      'secret_unreadable',
      `The file "${clients}" of --clients cannot be read as a list of clients.`,
      {
        cause,
      },
    );
  }
}

function httpUrl(name: string, value: string | undefined): string {
  if (value === undefined) throw usage(`--${name} is missing.`);
  if (!/^https?:$/.test(URL.parse(value)?.protocol ?? '')) throw usage(`--${name} "${value}" is not an http URL.`);
  return value;
}

function whole(name: string, value: string, lowest: number, highest: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= lowest && number <= highest)) throw usage(`--${name} must be a number from ${lowest} to ${highest}.`);
  return number;
}

function usage(message: string): DesktopError {
  return new DesktopError('usage', message);
}
