import { parseArgs } from 'node:util';
import { HostError } from '../errors.ts';

export const usage = `spacetime-conformance [--uri URL] [options]

Asks a SpacetimeDB server, over HTTP and websocket alone, whether it does what SpacetimeDB 2.x does. It publishes
modules of its own under random names and deletes them at the end. Without --uri it starts the embedded host and asks it.

  --uri URL            the server, for example http://127.0.0.1:3000
  --database NAME      what the names of the published databases begin with; default: conformance
  --owner-token FILE   the token with which to publish; without it a new identity is asked for
  --only TEXT          run the cases whose id contains the text; may be repeated
  --json               print the report as JSON
  --list               print the cases and run none
  --help               print this

Exit code: 0 when no case fails, 1 when one does, 2 for a mistake on the command line, 3 when nothing could be found out.
`;

/** What the command line asks for. */
export interface ConformanceCommand {
  readonly kind: 'help' | 'list' | 'run';
  readonly uri: string | undefined;
  readonly prefix: string;
  readonly ownerToken: string | undefined;
  readonly only: readonly string[];
  readonly isJson: boolean;
}

/** @throws {HostError} `usage`. */
export function parseConformanceOptions(args: readonly string[]): ConformanceCommand {
  const values = read(args);
  const { uri, database: prefix = 'conformance', only = [] } = values;
  if (uri !== undefined && !/^https?:\/\/./.test(uri))
    throw new HostError('usage', '--uri is not an http or https URL.');
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(prefix)) {
    throw new HostError('usage', '--database is not a name: lowercase letters and digits, joined by hyphens.');
  }
  const kind = values.help ? 'help' : values.list ? 'list' : 'run';
  return { kind, uri, prefix, ownerToken: values['owner-token'], only, isJson: values.json ?? false };
}

function read(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    ...{ uri: text, database: text, 'owner-token': text, only: { type: 'string', multiple: true } as const },
    ...{ json: flag, list: flag, help: flag },
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new HostError('usage', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
