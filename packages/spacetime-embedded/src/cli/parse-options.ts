import { parseArgs } from 'node:util';
import { HostError } from '../errors.ts';

export const usage = `spacetime-embedded --database NAME --listen HOST:PORT (--data-dir DIR | --in-memory) [options]

Serves a database, and those that are published to it, over the HTTP and websocket protocols of SpacetimeDB.

  --module FILE      the module bundle (ESM); without it the stored one is served, or one is published later
  --database NAME    the name of the database
  --listen HOST:PORT where to listen; port 0 takes any free one
  --data-dir DIR     where keys, module and commit log are kept
  --in-memory        keep nothing
  --owner HEX        the identity of the owner; without it one is minted, its token is in DIR/owner.token
  --salvage          go on with what stands before a damaged place of the log, and set the rest aside
  --anybody-may-publish  let everybody with a token create databases, not the owner alone
  --ready-json       print one JSON line when it listens
  --help             print this
`;

/** What the command line asks for. */
export type CliCommand =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'serve';
      readonly module: string | undefined;
      readonly database: string;
      readonly listen: string;
      readonly dataDir: string | undefined;
      readonly owner: string | undefined;
      readonly anybodyMayPublish: boolean;
      readonly salvage: boolean;
      readonly readyJson: boolean;
    };

/** @throws {HostError} `usage`. */
export function parseOptions(args: readonly string[]): CliCommand {
  const values = read(args);
  if (values.help) return { kind: 'help' };
  const { database, listen, module, owner } = values;
  const dataDir = values['data-dir'];
  if (database === undefined) throw new HostError('usage', 'The option --database is missing.');
  if (listen === undefined) throw new HostError('usage', 'The option --listen is missing.');
  if ((dataDir === undefined) === !values['in-memory']) {
    throw new HostError('usage', 'Give either --data-dir or --in-memory.');
  }
  const anybodyMayPublish = values['anybody-may-publish'] ?? false;
  const salvage = values.salvage ?? false;
  const readyJson = values['ready-json'] ?? false;
  return { kind: 'serve', module, database, listen, dataDir, owner, anybodyMayPublish, salvage, readyJson };
}

function read(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    ...{ module: text, database: text, listen: text, 'data-dir': text, owner: text },
    ...{ 'in-memory': flag, 'anybody-may-publish': flag, salvage: flag, 'ready-json': flag, help: flag },
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new HostError('usage', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
