import { canonicalJson, canonicalPayloadHash } from '@autopilot/sync-contract';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { AlgebraicType, BinaryReader, BinaryWriter, ConnectionId, Identity, ProductType } from 'spacetimedb';
import type { EngineDatabase } from '../../../../packages/spacetime-embedded/src/engine/database.ts';
import { openDatabase } from '../../../../packages/spacetime-embedded/src/engine/open-database.ts';
import { buildBundle } from '../../bundle.mjs';

export const start = 1_800_000_000_000;
export const issuer = 'https://control.test';
export const audience = 'autopilot-sync';
const ownerHex = 'c2'.repeat(32);
export const everyScope =
  'sync.subscribe sync.append sync.checkpoint.write sync.presence sync.admin sync.bridge sync.compute';
/** What an ordinary reader's token says. */
export const readerScope = 'sync.subscribe sync.checkpoint.write sync.presence';

/** A row by column name. */
export type Fields = Record<string, unknown>;

export interface Page {
  readonly status: string;
  readonly epoch: string;
  readonly head: bigint;
  readonly head_chain: string;
  readonly first_kept: bigint;
  readonly floor_chain: string;
  readonly fanout: string;
  readonly route: string;
  readonly rows: readonly { readonly seq: bigint; readonly payload: string; readonly idempotency_key: string }[];
  readonly more: boolean;
}

let bundle: Promise<Uint8Array> | undefined;

/** The module in the engine, with manual time. */
export class Host {
  readonly db: EngineDatabase;
  readonly ports: ManualPorts;
  readonly #events: { table: string; row: Fields }[] = [];
  #connections = 0;

  private constructor(db: EngineDatabase, ports: ManualPorts) {
    this.db = db;
    this.ports = ports;
    db.onCommit((commit) => {
      for (const change of commit.tables) {
        if (!change.table.isEvent) continue;
        for (const row of change.inserts) {
          this.#events.push({ table: change.table.name, row: fieldsOf(change.table.columns, row.values) });
        }
      }
    });
  }

  static async open(options: { configured: boolean } = { configured: true }): Promise<Host> {
    bundle ??= buildBundle();
    const ports = manualPorts({ start });
    const db = await openDatabase({
      module: await bundle,
      owner: ownerHex,
      databaseIdentity: 'c200'.padEnd(64, '7'),
      dataDir: undefined,
      ports,
      fidelity: { shuffleScans: true },
    });
    const host = new Host(db, ports);
    if (options.configured) expectDone(host.owner().call('configure', { issuer, audience }));
    return host;
  }

  /** The owner, with the token that a host gives to whoever publishes. */
  owner(): Client {
    return this.connect(ownerHex, { iss: 'localhost', sub: 'owner', aud: ['spacetimedb'], exp: null });
  }

  /** A client whose token has the scopes; the same name is the same identity. */
  client(name: string, scope: string = everyScope, claims: Fields = {}): Client {
    return this.connect(identityHex(name), this.claims(name, scope, claims));
  }

  claims(name: string, scope: string, claims: Fields = {}): Fields {
    const now = this.ports.clock.now() / 1000;
    return { iss: issuer, sub: name, aud: [audience], iat: now, exp: now + 3600, scope, ...claims };
  }

  connect(identity: string, claims: Fields | undefined): Client {
    this.#connections += 1;
    const connectionId = this.#connections.toString(16).padStart(32, '0');
    this.db.connect({ identity, connectionId, jwtPayload: claims === undefined ? '' : JSON.stringify(claims) });
    return new Client(this, identity, connectionId);
  }

  /** Every event row of a table so far, or those for one recipient. */
  events(table: string, recipient?: Client): Fields[] {
    return this.#events
      .filter((event) => event.table === table)
      .map((event) => event.row)
      .filter((row) => recipient === undefined || hex(row.recipient) === recipient.identity);
  }

  /** The committed rows of a table. */
  rows(name: string): Fields[] {
    const table = this.db.definition.tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return [...this.db.rows(table)].map((row) => fieldsOf(table.columns, row.values));
  }

  /** The rows of a sender view for a client. */
  view(name: string, client: Client): Fields[] {
    const view = this.db.definition.tables.get(name);
    if (view === undefined) throw new Error(`no view ${name}`);
    const release = this.db.holdView(view, client.identity);
    try {
      return [...this.db.rows(view, client.identity)].map((row) => fieldsOf(view.columns, row.values));
    } finally {
      release();
    }
  }
}

/** One connection. */
export class Client {
  readonly identity: string;
  readonly connectionId: string | undefined;
  readonly #host: Host;

  constructor(host: Host, identity: string, connectionId: string | undefined) {
    this.#host = host;
    this.identity = identity;
    this.connectionId = connectionId;
  }

  get id(): Identity {
    return new Identity(this.identity);
  }

  /** Calls a reducer: 'done', or the code that it failed with. */
  call(name: string, args: Fields): string {
    const definition = this.#host.db.definition.reducers.get(name);
    if (definition === undefined) throw new Error(`no reducer ${name}`);
    const result = this.#host.db.callReducer(name, encode(definition.params, args), this.#caller());
    if (result.outcome === 'committed') return 'done';
    if (result.outcome === 'failed') return result.message.slice(0, result.message.indexOf(':'));
    throw new Error(`${name}: ${result.kind}: ${result.message}`);
  }

  /** Calls a procedure; throws with the message of the host when it fails. */
  async procedure(name: string, args: Fields): Promise<unknown> {
    const definition = this.#host.db.definition.procedures.get(name);
    if (definition === undefined) throw new Error(`no procedure ${name}`);
    const result = await this.#host.db.callProcedure(name, encode(definition.params, args), this.#caller());
    if (result.outcome === 'internal') throw new Error(result.message);
    return AlgebraicType.makeDeserializer(definition.returns)(new BinaryReader(result.value));
  }

  async open(stream_id: string, epoch = '', after = 0n, limit = 500): Promise<Page> {
    return (await this.procedure('open_stream', { stream_id, epoch, after, limit })) as Page;
  }

  async page(stream_id: string, epoch = '', after = 0n, limit = 500): Promise<Page> {
    return (await this.procedure('read_page', { stream_id, epoch, after, limit })) as Page;
  }

  append(stream_id: string, key: string, value: unknown = { key }, more: Fields = {}): string {
    const payload = canonicalJson(value);
    return this.call('append_sync_event', {
      stream_id,
      kind: 'note',
      payload,
      payload_hash: canonicalPayloadHash(payload),
      idempotency_key: key,
      expected_next_seq: undefined,
      ...more,
    });
  }

  grant(to: Client, stream_id: string, role = 'reader', expires_at: unknown = undefined): string {
    return this.call('grant_stream', { identity: to.id, stream_id, role, expires_at });
  }

  inbox(): Fields[] {
    return this.#host.events('live_inbox', this);
  }

  /** The same identity, calling without a connection. */
  withoutConnection(): Client {
    return new Client(this.#host, this.identity, undefined);
  }

  disconnect(): void {
    if (this.connectionId !== undefined) this.#host.db.disconnect(this.connectionId);
  }

  #caller() {
    return { identity: this.identity, connectionId: this.connectionId };
  }
}

function expectDone(outcome: string): void {
  if (outcome !== 'done') throw new Error(`expected done, got ${outcome}`);
}

function identityHex(name: string): string {
  return `c200${Buffer.from(name.padEnd(30, '.')).toString('hex').slice(0, 60)}`;
}

export function hex(value: unknown): string {
  if (value instanceof Identity || value instanceof ConnectionId) return value.toHexString();
  throw new Error('neither an identity nor a connection id');
}

function encode(params: ProductType, args: Fields): Uint8Array {
  const writer = new BinaryWriter(256);
  ProductType.makeSerializer(params)(writer, args);
  return writer.getBuffer();
}

function fieldsOf(columns: readonly { readonly name: string }[], values: readonly unknown[]): Fields {
  return Object.fromEntries(columns.map((column, index) => [column.name, values[index]]));
}
