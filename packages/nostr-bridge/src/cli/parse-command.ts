import { parseArgs } from 'node:util';
import { BridgeError } from '../errors.ts';

/** What a command line may ask of a bridge file. */
export const subcommands = ['status', 'outbox', 'dead', 'requeue', 'jobs'] as const;
export type Subcommand = (typeof subcommands)[number];

/** What was asked for. */
export type Command =
  | { readonly kind: 'help' }
  | {
      readonly kind: Subcommand;
      readonly file: string;
      readonly json: boolean;
      readonly limit: number;
      /** With `requeue`: which deliveries; undefined for those of any event, or of any relay. */
      readonly event: string | undefined;
      readonly relay: string | undefined;
      readonly all: boolean;
    };

export const usage = `nostr-bridge COMMAND --file FILE [--json]

Looks at the file of a bridge, also while the bridge runs.

  status                     events by standing, deliveries by relay and state, jobs by state,
                             what was announced
  outbox  [--limit N]        deliveries that are pending or in flight, oldest first
  dead    [--limit N]        deliveries that were given up or rejected
  requeue [--event ID] [--relay URL] | --all
                             puts deliveries that are dead or rejected back: a bridge that runs takes them up by itself
  jobs    [--limit N]        jobs that are open, and the latest that ended

  --limit N                  at most so many lines, from 1 to 10,000 (default 100)
  --json                     one JSON object instead of a table
`;

const mostLines = 10_000;

/** @throws {BridgeError} `invalid_option` saying what is wrong with the command line. */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = read(args);
  if (values.help === true) return { kind: 'help' };
  const [name, ...others] = positionals;
  const kind = subcommands.find((one) => one === name);
  if (kind === undefined) {
    throw refused(name === undefined ? 'No command was given' : `There is no command "${name}"`);
  }
  if (others.length > 0) throw refused(`"${others[0]}" is one argument too many`);
  const { file, event, relay, all = false, json = false } = values;
  if (file === undefined) throw refused('--file is missing');
  const limit = Number(values.limit ?? 100);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > mostLines) {
    throw refused(`--limit must be a whole number from 1 to ${mostLines}, not "${values.limit}"`);
  }
  const isNarrowed = event !== undefined || relay !== undefined;
  if (kind !== 'requeue' && (isNarrowed || all)) throw refused('--event, --relay and --all are of requeue');
  if (kind === 'requeue' && isNarrowed === all) throw refused('requeue takes --event, --relay or both, or --all');
  return { kind, file, json, limit, event, relay, all };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        file: { type: 'string' },
        limit: { type: 'string' },
        event: { type: 'string' },
        relay: { type: 'string' },
        all: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error));
  }
}

function refused(why: string): BridgeError {
  return new BridgeError('invalid_option', `${why}; see nostr-bridge --help.`);
}
