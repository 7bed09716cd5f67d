import type { AlgebraicType, TypeBuilder } from 'spacetimedb';
import { bsatn } from '../sql/scalar.ts';
import { Difference } from './expectation.ts';
import type { HttpAnswer } from './http-request.ts';
import type { Caller, ServerAccess } from './server-access.ts';
import { SocketClient, type SocketOptions } from './socket-client.ts';

type AnyType = TypeBuilder<unknown, AlgebraicType>;

/** The arguments of a call as BSATN: pairs of a type and its value. */
export function encoded(...values: readonly (readonly [type: unknown, value: unknown])[]): Uint8Array {
  return Buffer.concat(values.map(([type, value]) => bsatn((type as AnyType).algebraicType, value)));
}

/** The hex text of a row, column by column. */
export function row(...values: readonly (readonly [type: unknown, value: unknown])[]): string {
  return Buffer.from(encoded(...values)).toString('hex');
}

/** A database that the suite has published. */
export class TestDatabase {
  readonly name: string;
  /** Hex. */
  readonly identity: string;
  readonly owner: Caller;
  private readonly server: ServerAccess;
  private readonly clients: SocketClient[] = [];

  constructor(server: ServerAccess, name: string, identity: string, owner: Caller) {
    this.server = server;
    this.name = name;
    this.identity = identity;
    this.owner = owner;
  }

  get path(): string {
    return `/v1/database/${this.name}`;
  }

  /** Calls over HTTP; the owner calls unless another token is given. */
  call(name: string, args: unknown, token: string | undefined = this.owner.token): Promise<HttpAnswer> {
    const body = typeof args === 'string' ? args : JSON.stringify(args);
    return this.server.request('POST', `${this.path}/call/${name}`, { body, ...(token ? { token } : {}) });
  }

  /** As {@link call}. @throws {Difference} unless it is committed. */
  async commit(name: string, args: unknown = [], token?: string): Promise<string> {
    const { status, body } = await this.call(name, args, token ?? this.owner.token);
    if (status !== 200) throw new Difference(`the call of ${name} was answered with ${status} ${body}`);
    return body;
  }

  sql(statement: string, token: string | undefined = this.owner.token): Promise<HttpAnswer> {
    return this.server.request('POST', `${this.path}/sql`, { body: statement, ...(token ? { token } : {}) });
  }

  /** The rows of a statement. @throws {Difference} when it is refused. */
  async rows(statement: string, token: string | undefined = this.owner.token): Promise<readonly unknown[][]> {
    const { status, body } = await this.sql(statement, token);
    if (status !== 200) throw new Difference(`${statement} was answered with ${status} ${body}`);
    return JSON.parse(body)[0].rows;
  }

  /** Opens a websocket. It is closed when the case is over. */
  open(options: SocketOptions = {}): SocketClient {
    const client = new SocketClient(`${this.server.uri}${this.path}`, this.server.ports.scheduler, options);
    this.clients.push(client);
    return client;
  }

  /** Opens a websocket and waits until it stands. */
  async connect(options: SocketOptions = {}): Promise<SocketClient> {
    const client = this.open(options);
    await client.next('InitialConnection');
    return client;
  }

  closeClients(): void {
    for (const client of this.clients.splice(0)) client.close();
  }
}
