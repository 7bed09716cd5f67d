import { parseArgs } from 'node:util';
import { LaunchError } from './errors.ts';

export type FeedKind = 'recorded' | 'codex' | 'none';

/** What the command line asks for. */
export interface LaunchOptions {
  readonly once: boolean;
  readonly feed: FeedKind;
  /** Recorded app-server messages to replay; undefined for the one that comes with the repository. */
  readonly feedFile: string | undefined;
  /** What a live Codex is asked; undefined for the desktop's own question. */
  readonly codexPrompt: string | undefined;
  /** Where a live Codex works; undefined for a new folder in the data folder. */
  readonly codexDir: string | undefined;
  /** Milliseconds between two recorded messages. */
  readonly paceMs: number;
  /** Undefined: `.data` beside the repository's package.json, or a temporary folder with `once`. */
  readonly dataDir: string | undefined;
  /** 0 for a free one. */
  readonly controlPort: number;
  readonly desktopPort: number;
  readonly spacetimePort: number;
  /** Set when another SpacetimeDB is to be used instead of the embedded host. */
  readonly external: { readonly uri: string; readonly publish: boolean } | undefined;
  readonly database: string;
  /** How long nothing may move before `once` gives up. */
  readonly patienceMs: number;
}

export const help = `npm start -- [options]

Starts the whole lane: agent feed -> control -> SpacetimeDB -> desktop, and prints the URLs. Ctrl-C stops everything.

  --once                 publish the whole feed, wait until the desktop has applied it, print one JSON line and exit;
                         exits 1, saying why, when anything was lost, repeated or out of order
  --feed KIND            recorded (default): a recorded run of the Codex app-server
                         codex: a live local Codex, which is asked once; none: no feed
  --feed-file FILE       another recording (JSON lines) for --feed recorded
  --codex-prompt TEXT    with --feed codex: what it is asked (default: what it can help with)
  --codex-dir DIR        with --feed codex: where it works (default: a new folder in the data folder)
  --pace MS              milliseconds between two recorded messages (default 120; 0 with --once)
  --data-dir DIR         where everything is kept (default .data; a temporary folder with --once)
  --spacetime URI        use this SpacetimeDB instead of the embedded host
  --database NAME        name of the database (default autopilot-sync)
  --publish              with --spacetime: publish the module there first
  --control-port N       default 4310 (a free one with a temporary folder)
  --desktop-port N       default 4311 (a free one with a temporary folder)
  --spacetime-port N     default 4312 (a free one with a temporary folder)
  --patience SECONDS     with --once: give up when nothing moved for so long (default 60)
  --help                 this text
`;

const spec = {
  once: { type: 'boolean' },
  feed: { type: 'string' },
  'feed-file': { type: 'string' },
  'codex-prompt': { type: 'string' },
  'codex-dir': { type: 'string' },
  pace: { type: 'string' },
  'data-dir': { type: 'string' },
  spacetime: { type: 'string' },
  database: { type: 'string' },
  publish: { type: 'boolean' },
  'control-port': { type: 'string' },
  'desktop-port': { type: 'string' },
  'spacetime-port': { type: 'string' },
  patience: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/**
 * Reads the command line; 'help' when it asks for the help text.
 *
 * @throws {LaunchError} `usage` with one line that names the option.
 */
export function parseOptions(args: readonly string[]): LaunchOptions | 'help' {
  const values = read(args);
  if (values.help === true) return 'help';
  const once = values.once === true;
  // A kept folder keeps its issuer, and the issuer is control's address: only a temporary one may take any free port.
  const temporary = once && values['data-dir'] === undefined;
  const feed = values.feed ?? 'recorded';
  if (feed !== 'recorded' && feed !== 'codex' && feed !== 'none') {
    throw new LaunchError('usage', `--feed takes recorded, codex or none, not "${feed}".`);
  }
  if (once && feed !== 'recorded')
    throw new LaunchError('usage', `--once replays a recording; it cannot be used with --feed ${feed}.`);
  if (values['feed-file'] !== undefined && feed !== 'recorded') {
    throw new LaunchError('usage', '--feed-file is only for --feed recorded.');
  }
  for (const name of ['codex-prompt', 'codex-dir'] as const) {
    if (values[name] !== undefined && feed !== 'codex') {
      throw new LaunchError('usage', `--${name} is only for --feed codex.`);
    }
    if (values[name]?.trim() === '') throw new LaunchError('usage', `--${name} must not be empty.`);
  }
  if (values.publish === true && values.spacetime === undefined) {
    throw new LaunchError('usage', '--publish needs --spacetime URI: the embedded host loads the module by itself.');
  }
  const database = values.database ?? 'autopilot-sync';
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(database)) {
    throw new LaunchError('usage', `--database takes lowercase letters, digits and single dashes, not "${database}".`);
  }
  const port = (name: 'control-port' | 'desktop-port' | 'spacetime-port', fallback: number) =>
    wholeNumber(name, values[name], temporary ? 0 : fallback, 65_535);
  return {
    once,
    feed,
    feedFile: values['feed-file'],
    codexPrompt: values['codex-prompt'],
    codexDir: values['codex-dir'],
    paceMs: wholeNumber('pace', values.pace, once ? 0 : 120, 600_000),
    dataDir: values['data-dir'],
    controlPort: port('control-port', 4310),
    desktopPort: port('desktop-port', 4311),
    spacetimePort: port('spacetime-port', 4312),
    external:
      values.spacetime === undefined ? undefined : { uri: httpUri(values.spacetime), publish: values.publish === true },
    database,
    patienceMs: wholeNumber('patience', values.patience, 60, 3600) * 1000,
  };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: spec, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    // parseArgs explains in its first sentence which option is wrong; the rest is advice on positionals.
    const text = (cause as Error).message;
    throw new LaunchError('usage', text.split(/\. |\n/)[0] ?? text, { cause });
  }
}

function wholeNumber(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > most) {
    throw new LaunchError('usage', `--${name} takes a whole number from 0 to ${most}, not "${text}".`);
  }
  return value;
}

function httpUri(text: string): string {
  const uri = URL.canParse(text) ? new URL(text) : undefined;
  if (uri === undefined || (uri.protocol !== 'http:' && uri.protocol !== 'https:')) {
    throw new LaunchError('usage', `--spacetime takes an http or https URI, not "${text}".`);
  }
  return uri.href.replace(/\/$/, '');
}
