import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LaneId } from '@autopilot/sync-contract';
import { DesktopError } from './errors.ts';
import type { QuarantineOrder } from './sync/quarantine.ts';

/** What feeds this desktop's own streams. */
export type FeedKind = 'recorded' | 'codex' | 'none';

/** What the command line asks for. */
export interface CliOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly control: string;
  readonly clientId: string;
  readonly clientSecretFile: string;
  readonly feed: FeedKind;
  readonly feedFile: string | undefined;
  /** Milliseconds between two recorded messages. */
  readonly feedPaceMs: number;
  /** Ends the feed after one run of the recording instead of waiting for more. */
  readonly feedOnce: boolean;
  /** What a live Codex is asked. */
  readonly codexPrompt: string;
  /** Where a live Codex works; undefined for a new folder in the data folder. */
  readonly codexDir: string | undefined;
  readonly environment: string;
  /** Where the legacy lane is; undefined: it is never connected. */
  readonly khalaUrl: string | undefined;
  /** A file with what khala gives tokens for. */
  readonly khalaTokenFile: string | undefined;
  /** The longest time between two heartbeats and two questions for the policy, milliseconds; undefined for the usual. */
  readonly heartbeatMs: number | undefined;
  /** How long lanes are kept after a first change, milliseconds; undefined for the usual. */
  readonly dwellMs: number | undefined;
  /** The lane that is read twice and compared with itself; undefined for none. */
  readonly nullRun: LaneId | undefined;
  readonly readyJson: boolean;
}

/** Asks only whether a live Codex could be started. */
export interface CheckOptions {
  readonly checkCodex: true;
  readonly codexDir: string | undefined;
}

/** Shows or clears what was set aside; nothing is connected. */
export interface QuarantineOptions {
  readonly quarantine: QuarantineOrder;
}

export const help = `desktop --listen HOST:PORT --data-dir DIR --control URL --client-id ID --client-secret-file FILE [options]

The desktop core: follows the streams of an account, keeps them durably, and serves its health page on this machine.

  --listen HOST:PORT          a loopback address; port 0 for a free one
  --data-dir DIR              where events and watermarks are kept; one desktop at a time
  --control URL               the control service that gives tokens
  --client-id ID              how this desktop is known there
  --client-secret-file FILE   a file with the secret as its only line
  --feed KIND                 recorded, codex, or none (default): what is published from here
  --feed-file FILE            the recording, JSON lines (with --feed recorded)
  --feed-pace MS              milliseconds between two recorded messages (default 120)
  --feed-once                 end the feed after one run of the recording
  --codex-prompt TEXT         what a live Codex is asked (with --feed codex)
  --codex-dir DIR             the folder a live Codex works in; default: a new one in the data folder
  --check-codex               only look whether a live Codex could be started, and print one JSON line
  --quarantine                only show what was set aside, one JSON object a line; the desktop must be stopped
  --clear-quarantine STREAM   only remove what was set aside of a stream, once it is explained
  --khala URL                 the legacy lane, for as long as the cutover's stage needs it; without it, it is never used
  --khala-token-file FILE     a file with the credential that khala gives tokens for (with --khala)
  --heartbeat-ms MS           the longest time between two heartbeats and two questions for the policy
  --dwell-ms MS               how long lanes are kept after a first change (default 5000)
  --null-run LANE             khala or spacetime: read it twice while it is open and compare the two readers
  --environment NAME          keeps the streams of environments apart (default dev)
  --ready-json                print {"ready":"desktop","url":...} when the page can be opened
  --help                      this text
`;

const spec = {
  listen: { type: 'string' },
  'data-dir': { type: 'string' },
  control: { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret-file': { type: 'string' },
  feed: { type: 'string', default: 'none' },
  'feed-file': { type: 'string' },
  'feed-pace': { type: 'string', default: '120' },
  'feed-once': { type: 'boolean', default: false },
  'codex-prompt': {
    type: 'string',
    default: 'Say in three sentences, without running anything, what you can help with.',
  },
  'codex-dir': { type: 'string' },
  'check-codex': { type: 'boolean', default: false },
  quarantine: { type: 'boolean', default: false },
  'clear-quarantine': { type: 'string' },
  environment: { type: 'string', default: 'dev' },
  khala: { type: 'string' },
  'khala-token-file': { type: 'string' },
  'heartbeat-ms': { type: 'string' },
  'dwell-ms': { type: 'string' },
  'null-run': { type: 'string' },
  'ready-json': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Reads the command line.
 *
 * @throws {DesktopError} `usage`, with what is wrong.
 */
export function parseOptions(args: readonly string[]): CliOptions | CheckOptions | QuarantineOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  if (values['codex-prompt'].trim() === '') throw usage('--codex-prompt must not be empty.');
  if (values['check-codex']) return { checkCodex: true, codexDir: values['codex-dir'] };
  const needed = (name: 'listen' | 'data-dir' | 'control' | 'client-id' | 'client-secret-file') => {
    const value = values[name];
    if (value === undefined || value === '') throw usage(`--${name} is missing.`);
    return value;
  };
  if (values.environment === '') throw usage('--environment must not be empty.');
  const clear = values['clear-quarantine'];
  if (values.quarantine || clear !== undefined) {
    if (values.quarantine && clear !== undefined) throw usage('Give --quarantine or --clear-quarantine, not both.');
    if (clear === '') throw usage('--clear-quarantine needs a stream.');
    return { quarantine: { dataDir: needed('data-dir'), environment: values.environment, clear } };
  }
  const control = needed('control');
  if (!/^https?:$/.test(URL.parse(control)?.protocol ?? '')) throw usage(`--control "${control}" is not an http URL.`);
  const clientId = needed('client-id');
  // A colon would end the id inside HTTP Basic credentials.
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(clientId)) throw usage('--client-id must be 1 to 128 of A-Z a-z 0-9 . _ -');
  const feed = values.feed;
  if (feed !== 'recorded' && feed !== 'codex' && feed !== 'none') {
    throw usage(`--feed must be recorded, codex or none, not "${feed}".`);
  }
  if (feed === 'recorded' && values['feed-file'] === undefined) throw usage('--feed recorded needs --feed-file.');
  if (!/^\d{1,7}$/.test(values['feed-pace'])) throw usage('--feed-pace must be milliseconds from 0 to 9999999.');
  const { khala } = values;
  if (khala !== undefined && !/^https?:$/.test(URL.parse(khala)?.protocol ?? '')) {
    throw usage(`--khala "${khala}" is not an http URL.`);
  }
  if (khala === undefined && values['khala-token-file'] !== undefined) {
    throw usage('--khala-token-file needs --khala.');
  }
  const milliseconds = (name: 'heartbeat-ms' | 'dwell-ms') => {
    const value = values[name];
    if (value !== undefined && !/^[1-9]\d{0,6}$/.test(value)) {
      throw usage(`--${name} must be milliseconds from 1 to 9999999.`);
    }
    return value === undefined ? undefined : Number(value);
  };
  return {
    ...parseListen(needed('listen')),
    dataDir: needed('data-dir'),
    control,
    clientId,
    clientSecretFile: needed('client-secret-file'),
    feed,
    feedFile: values['feed-file'],
    feedPaceMs: Number(values['feed-pace']),
    feedOnce: values['feed-once'],
    codexPrompt: values['codex-prompt'],
    codexDir: values['codex-dir'],
    environment: values.environment,
    khalaUrl: khala,
    khalaTokenFile: values['khala-token-file'],
    heartbeatMs: milliseconds('heartbeat-ms'),
    dwellMs: milliseconds('dwell-ms'),
    nullRun: laneOf(values['null-run'], khala),
    readyJson: values['ready-json'],
  };
}

/**
 * Reads the lane of a null run.
 *
 * @throws {DesktopError} `usage`, also for khala without a place of khala.
 */
export function laneOf(lane: string | undefined, khala: string | undefined): LaneId | undefined {
  if (lane === undefined) return undefined;
  if (lane !== 'khala' && lane !== 'spacetime') throw usage(`--null-run must be khala or spacetime, not "${lane}".`);
  if (lane === 'khala' && khala === undefined) throw usage('--null-run khala needs --khala.');
  return lane;
}

/**
 * Reads the secret.
 *
 * @throws {DesktopError} `secret_unreadable`.
 */
export function readSecret(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new DesktopError('secret_unreadable', `The secret file "${file}" cannot be read (${code}).`, { cause });
  }
  if (text === '' || /\s/.test(text)) {
    throw new DesktopError('secret_unreadable', `The secret file "${file}" does not hold exactly one line.`);
  }
  return text;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: spec, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    // Node's own sentence names the option; what follows it is advice about positional arguments.
    const [sentence = ''] = (cause as Error).message.split('. ');
    throw new DesktopError('usage', `${sentence.replace(/\.$/, '')}.`, { cause });
  }
}

function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:]+\]|[^:[\]]+):(\d{1,5})$/.exec(listen) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw usage(`--listen "${listen}" is not HOST:PORT.`);
  }
  if (!/^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(host)) {
    throw usage(`--listen "${listen}" is not a loopback address: the page is for this machine only.`);
  }
  return { host, port: Number(port) };
}

function usage(message: string): DesktopError {
  return new DesktopError('usage', message);
}
