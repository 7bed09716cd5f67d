import { parseArgs } from 'node:util';
import { ControlError } from '../errors.ts';

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'print-owner-identity'; readonly issuer: string }
  | {
      readonly kind: 'serve';
      readonly host: string;
      readonly port: number;
      readonly dataDir: string;
      readonly issuer: string;
      readonly spacetime: string;
      readonly database: string;
      readonly clientsFile: string;
      readonly store: string | undefined;
      readonly publish: string | undefined;
      readonly audience: string | undefined;
      readonly readyJson: boolean;
      readonly khala: string | undefined;
      readonly khalaSecretFile: string | undefined;
      readonly gateKeysFile: string | undefined;
      readonly cutoverConfigFile: string | undefined;
      readonly deployment: string | undefined;
      readonly commit: string | undefined;
      readonly clockRate: number | undefined;
      readonly heartbeatMs: number | undefined;
      readonly bridgeFile: string | undefined;
    };

/** The text of --help. */
export const usage = `Usage: main.ts --listen HOST:PORT --data-dir DIR --issuer URL --spacetime URI --database NAME --clients FILE
               [--store postgres://...] [--publish BUNDLE_FILE] [--audience TEXT] [--ready-json]
               [--khala URL [--khala-secret-file FILE]] [--gate-keys FILE] [--cutover-config FILE]
               [--nostr-bridge FILE]
               [--deployment TEXT] [--commit SHA] [--heartbeat-ms MS] [--rehearsal-clock-rate N]
       main.ts --print-owner-identity --issuer URL
`;

const required = ['listen', 'data-dir', 'issuer', 'spacetime', 'database', 'clients'] as const;

/**
 * Reads the command line.
 *
 * @throws {ControlError} `usage`.
 */
export function parseCommand(args: readonly string[]): Command {
  const values = parseStrictly(args);
  if (values.help === true) return { kind: 'help' };
  if (values['print-owner-identity'] === true) {
    if (values.issuer === undefined) throw refuse('--print-owner-identity needs --issuer.');
    return { kind: 'print-owner-identity', issuer: checkIssuer(values.issuer) };
  }
  const missing = required.filter((name) => values[name] === undefined);
  if (missing.length > 0) throw refuse(`Missing: ${missing.map((name) => `--${name}`).join(', ')}.`);
  const { store, publish, audience } = values;
  if (store !== undefined && !/^postgres(ql)?:\/\//.test(store)) {
    throw refuse('--store is not a postgres:// URL. Leave it out for SQLite in the data folder.');
  }
  if (audience === '') throw refuse('--audience is empty.');
  if (values['khala-secret-file'] !== undefined && values.khala === undefined) {
    throw refuse('--khala-secret-file needs --khala.');
  }
  for (const name of ['deployment', 'commit'] as const) {
    const text = values[name];
    if (text !== undefined && !/^[\x21-\x7e]{1,200}$/.test(text)) {
      throw refuse(`--${name} is not made of 1 to 200 printable ASCII characters without spaces.`);
    }
  }
  return {
    kind: 'serve',
    ...checkListen(values.listen ?? ''),
    dataDir: values['data-dir'] ?? '',
    issuer: checkIssuer(values.issuer ?? ''),
    spacetime: checkUri(values.spacetime ?? ''),
    database: checkDatabase(values.database ?? ''),
    clientsFile: values.clients ?? '',
    store,
    publish,
    audience,
    readyJson: values['ready-json'] === true,
    khala: values.khala === undefined ? undefined : checkKhala(values.khala),
    khalaSecretFile: values['khala-secret-file'],
    gateKeysFile: values['gate-keys'],
    cutoverConfigFile: values['cutover-config'],
    deployment: values.deployment,
    commit: values.commit,
    clockRate: checkClockRate(values['rehearsal-clock-rate']),
    heartbeatMs: checkHeartbeat(values['heartbeat-ms']),
    bridgeFile: values['nostr-bridge'],
  };
}

function parseStrictly(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        listen: { type: 'string' },
        'data-dir': { type: 'string' },
        issuer: { type: 'string' },
        spacetime: { type: 'string' },
        database: { type: 'string' },
        clients: { type: 'string' },
        store: { type: 'string' },
        publish: { type: 'string' },
        audience: { type: 'string' },
        'ready-json': { type: 'boolean' },
        khala: { type: 'string' },
        'khala-secret-file': { type: 'string' },
        'gate-keys': { type: 'string' },
        'cutover-config': { type: 'string' },
        deployment: { type: 'string' },
        commit: { type: 'string' },
        'heartbeat-ms': { type: 'string' },
        'nostr-bridge': { type: 'string' },
        'rehearsal-clock-rate': { type: 'string' },
        'print-owner-identity': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new ControlError('usage', (cause as Error).message, { cause });
  }
}

function checkListen(text: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) throw refuse(`--listen "${text}" is not HOST:PORT.`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function checkIssuer(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw refuse(`--issuer "${text}" is not an http(s) URL without query, fragment or user.`);
  }
  // SpacetimeDB refuses a longer `iss`.
  if (Buffer.byteLength(text) > 128) throw refuse('--issuer is longer than 128 bytes.');
  return text;
}

function checkUri(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^(http|ws)s?:$/.test(url.protocol))
    throw refuse(`--spacetime "${text}" is not an http(s) URI.`);
  return text;
}

function checkKhala(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw refuse(`--khala "${text}" is not an http(s) URL without query, fragment or user.`);
  }
  return text;
}

function checkClockRate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rate = Number(text);
  if (!/^\d{1,7}$/.test(text) || rate < 1)
    throw refuse(`--rehearsal-clock-rate "${text}" is not a whole number from 1.`);
  return rate;
}

function checkHeartbeat(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{2,6}$/.test(text)) throw refuse(`--heartbeat-ms "${text}" is not a number from 100 to 9999999.`);
  return Number(text);
}

function checkDatabase(text: string): string {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(text)) throw refuse(`--database "${text}" is not a database name.`);
  return text;
}

function refuse(message: string): ControlError {
  return new ControlError('usage', message);
}
