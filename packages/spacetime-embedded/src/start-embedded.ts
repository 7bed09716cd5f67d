import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Clock, HttpClient, Ports } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { databaseIdentityOf, parseIdentity } from './auth/identity.ts';
import { loadServerKey, readIfThere, writeSecret } from './auth/server-key.ts';
import { Tokens } from './auth/tokens.ts';
import { DatabaseDirectory, isDatabaseName } from './database-directory.ts';
import type { OpenEngine } from './database-slot.ts';
import type { ModuleHttpClient } from './engine/http-codec.ts';
import { openDatabase } from './engine/open-database.ts';
import type { OpenDatabaseOptions } from './engine/open-database-options.ts';
import { HostError } from './errors.ts';
import { type FaultSettings, Faults } from './faults.ts';
import type { ApiContext } from './http/api.ts';
import { answer } from './http/router.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { type ListenAddress, parseListenAddress, urlOfAddress } from './listen-address.ts';
import { Upgrades } from './ws/upgrade.ts';

/** What a host is started with. */
export interface StartEmbeddedOptions {
  /** The module bundle: its path or its bytes. Without it the stored one is served, or one is published later. */
  readonly module?: string | Uint8Array;
  /** The name of the database. */
  readonly database: string;
  /** Who owns it, 64 hex digits. Without it an owner is minted; see {@link EmbeddedHost.ownerToken}. */
  readonly owner?: string;
  /** `HOST:PORT` or both apart; port 0 takes any free one. */
  readonly listen: ListenAddress | string;
  /** Where keys, module and commit log are kept. Without it everything is lost with the process. */
  readonly dataDir?: string;
  readonly clock?: Clock;
  readonly ports?: Partial<Ports>;
  /** For the discovery documents and keys of token issuers. */
  readonly http?: HttpClient;
  readonly faults?: Partial<FaultSettings>;
  /** What clients may do; upstream's limits when nothing else is said. */
  readonly limits?: Partial<Limits>;
  /**
   * Lets everybody with a token create databases of their own, as upstream does. Without it the owner alone may: a module
   * is a program that runs in this process.
   */
  readonly anybodyMayPublish?: boolean;
  /** Answers what procedures and handlers of modules ask elsewhere. Without it every request fails with HttpError. */
  readonly moduleHttp?: ModuleHttpClient;
  readonly durability?: NonNullable<OpenDatabaseOptions['durability']>;
  readonly fidelity?: NonNullable<OpenDatabaseOptions['fidelity']>;
  /** Gets what should not have happened: what was answered with 500 or a dropped socket, and a log that cannot be written. */
  readonly onError?: (error: unknown) => void;
  /** Replaces the engine, for tests of the server alone. */
  readonly openEngine?: OpenEngine;
}

/** A running host. */
export interface EmbeddedHost {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  readonly database: string;
  /** Of the database, hex. */
  readonly identity: string;
  /** Hex. */
  readonly owner: string;
  /** The token of the owner, when the host minted it. */
  readonly ownerToken: string | undefined;
  /** How many query evaluations the commits of the database have cost so far. */
  readonly evaluations: number;
  /** How many websockets are open, on all databases. */
  readonly connections: number;
  readonly faults: Faults;
  /** Closes websockets with 1001, flushes the log and frees the port. */
  close(): Promise<void>;
}

/**
 * Starts a host for a database; more may be published to it.
 *
 * @throws {HostError} for what is wrong with the options, the port or the data directory.
 * @throws {EngineError} for what is wrong with the module or the log.
 */
export async function startEmbedded(options: StartEmbeddedOptions): Promise<EmbeddedHost> {
  const { database: name, dataDir, onError = () => undefined } = options;
  const address = typeof options.listen === 'string' ? parseListenAddress(options.listen) : options.listen;
  if (!isDatabaseName(name)) {
    throw new HostError('invalid_database_name', `${JSON.stringify(name)} is not a name for a database.`);
  }
  const given = options.owner === undefined ? undefined : parseIdentity(options.owner);
  const module = typeof options.module === 'string' ? readModule(options.module) : options.module;
  const ports = { ...systemPorts, ...options.ports, ...(options.clock === undefined ? {} : { clock: options.clock }) };
  const key = loadServerKey(dataDir === undefined ? undefined : join(dataDir, 'server-key.pem'));
  const tokens = new Tokens(key, ports, options.http ?? systemHttp);
  const minted = given === undefined ? await ownerOf(tokens, dataDir) : undefined;
  const owner = given ?? minted?.claims.identity ?? '';
  const identity = databaseIdentityOf(owner, name);
  const { openEngine } = options;
  const databases = new DatabaseDirectory({
    opener: openEngine === undefined ? engineOpener(options, ports) : () => openEngine,
    dataDir,
    first: { identity, owner, name },
  });
  const { slot } = databases.first;
  const limits = { ...defaultLimits, ...options.limits };
  const { anybodyMayPublish = false } = options;
  const context: ApiContext = { tokens, ports, limits, databases, anybodyMayPublish };
  const faults = new Faults(
    ports.scheduler,
    () => databases.served(),
    () => slot.reload(),
    options.faults ?? {},
  );
  const upgrades = new Upgrades(context, faults, onError);
  const server = createServer((incoming, response) => void answer(context, incoming, response, onError));
  server.on('upgrade', (incoming, stream, head) => void upgrades.take(incoming, stream, head));
  let port: number;
  try {
    await slot.start(module);
    await databases.restore();
    port = await listen(server, address);
  } catch (error) {
    await databases.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    url: urlOfAddress({ host: address.host, port }),
    port,
    database: name,
    identity,
    owner,
    ownerToken: minted?.token,
    get evaluations() {
      return slot.current?.subscriptions.evaluations ?? 0;
    },
    get connections() {
      return databases.served().reduce((sum, { clients }) => sum + clients.size, 0);
    },
    faults,
    close: () => {
      closing ??= closeAll(server, databases);
      return closing;
    },
  };
}

function engineOpener(options: StartEmbeddedOptions, ports: Ports): (owner: string, identity: string) => OpenEngine {
  const { durability, fidelity, moduleHttp, onError } = options;
  return (owner, identity) => async (module, directory, initial) => {
    const engine = await openDatabase({
      module,
      owner,
      databaseIdentity: identity,
      dataDir: directory,
      initial,
      moduleHttp,
      ports,
      ...(durability === undefined ? {} : { durability }),
      ...(fidelity === undefined ? {} : { fidelity }),
    });
    engine.onDurable(() => {
      if (engine.failure !== undefined) onError?.(engine.failure);
    });
    return engine;
  };
}

/** The owner of earlier starts, or a new one. */
async function ownerOf(tokens: Tokens, dataDir: string | undefined): ReturnType<Tokens['verify']> {
  if (dataDir === undefined) return tokens.mint();
  const path = join(dataDir, 'owner.token');
  const known = readIfThere(path)?.trim();
  if (known === undefined) {
    const minted = tokens.mint();
    writeSecret(path, `${minted.token}\n`);
    return minted;
  }
  try {
    return await tokens.verify(known);
  } catch (cause) {
    throw new HostError('key_unusable', `The token in ${path} was not issued with this server key.`, { cause });
  }
}

function readModule(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path));
  } catch (cause) {
    throw new HostError('module_unreadable', `The module ${path} cannot be read.`, { cause });
  }
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
      const taken = cause.code === 'EADDRINUSE';
      const message = taken ? `${where} is taken.` : `Cannot listen on ${where} (${cause.code}).`;
      reject(new HostError(taken ? 'port_taken' : 'listen_failed', message, { cause }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

async function closeAll(server: Server, databases: DatabaseDirectory): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await databases.close();
  server.closeAllConnections();
  await closed;
}
