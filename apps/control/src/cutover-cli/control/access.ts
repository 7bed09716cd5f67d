import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CliError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { type Args, usage } from '../line/args.ts';
import type { ControlAccess } from './control-client.ts';

const variables = {
  control: 'AUTOPILOT_CONTROL',
  'client-id': 'AUTOPILOT_CLIENT_ID',
  'client-secret-file': 'AUTOPILOT_CLIENT_SECRET_FILE',
} as const;

type Name = keyof typeof variables;

/** Whether all that is needed to ask control was given. */
export function hasAccess(args: Args, env: CliIo['env']): boolean {
  return (Object.keys(variables) as Name[]).every((name) => given(args, env, name) !== undefined);
}

/**
 * Reads where control is and who asks, from options or the environment.
 *
 * @throws {CliError} `usage`, `file_unreadable`.
 */
export function readAccess(args: Args, { env, cwd }: Pick<CliIo, 'env' | 'cwd'>): ControlAccess {
  const take = (name: Name): string => {
    const value = given(args, env, name);
    if (value === undefined) throw usage(`--${name} is missing, and ${variables[name]} is not set.`);
    return value;
  };
  const url = URL.parse(take('control'));
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw usage('--control is not an http(s) URL without user, query or fragment.');
  }
  const clientId = take('client-id');
  if (clientId.includes(':')) throw usage('--client-id holds a colon; a client id has none.');
  const file = take('client-secret-file');
  let secret: string;
  try {
    secret = readFileSync(path.resolve(cwd, file), 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CliError('file_unreadable', `The secret file ${file} cannot be read (${code}).`, { cause });
  }
  if (secret === '') throw new CliError('file_invalid', `The secret file ${file} is empty.`);
  return { url: url.href.replace(/\/+$/, ''), clientId, secret };
}

function given(args: Args, env: CliIo['env'], name: Name): string | undefined {
  const value = args.text(name) ?? env[variables[name]];
  return value === undefined || value.trim() === '' ? undefined : value;
}
