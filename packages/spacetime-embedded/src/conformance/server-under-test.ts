import type { Ports } from '@autopilot/sync-contract';
import { Difference } from './expectation.ts';
import { type HttpAnswer, httpRequest } from './http-request.ts';
import { bundleModule, type ModuleName } from './modules.ts';
import type { Caller, RequestOptions, ServerAccess } from './server-access.ts';
import { patience } from './socket-client.ts';
import { TestDatabase } from './test-database.ts';

/** The server may not be published to with this token: nothing can be found out. */
export class MayNotPublish extends Error {
  override readonly name = 'MayNotPublish';
}

/** The server that is asked, the databases that the suite has on it, and who asks. */
export class ServerUnderTest implements ServerAccess {
  readonly uri: string;
  readonly ports: Ports;
  readonly owner: Caller;
  private readonly prefix: string;
  private readonly shared = new Map<string, Promise<TestDatabase>>();
  private readonly published: TestDatabase[] = [];

  constructor(uri: string, prefix: string, owner: Caller, ports: Ports) {
    this.uri = uri.replace(/\/+$/, '');
    this.prefix = prefix;
    this.owner = owner;
    this.ports = ports;
  }

  /** Sends JSON unless another content type is among the headers. */
  request(method: string, path: string, options: RequestOptions = {}): Promise<HttpAnswer> {
    const { token, body, headers } = options;
    return httpRequest(
      {
        method,
        url: `${this.uri}${path}`,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      },
      patience,
    );
  }

  /** Somebody new. */
  async caller(): Promise<Caller> {
    const { status, body } = await this.request('POST', '/v1/identity');
    if (status !== 200) throw new Difference(`POST /v1/identity was answered with ${status} ${body}`);
    return JSON.parse(body);
  }

  /** A name that nobody has. */
  newName(): string {
    return `${this.prefix}-${Buffer.from(this.ports.random.bytes(6)).toString('hex')}`;
  }

  /** Publishes bytes under a name, with more of the query. */
  publish(name: string, module: Uint8Array | string, more = '', token = this.owner.token): Promise<HttpAnswer> {
    return this.request('PUT', `/v1/database/${name}?host_type=Js${more}`, {
      token,
      body: module,
      headers: { 'content-type': 'application/javascript' },
    });
  }

  /** A database of its own for one case. */
  async fresh(module: ModuleName, variant?: string): Promise<TestDatabase> {
    const name = this.newName();
    const { status, body } = await this.publish(name, await bundleModule(module, variant));
    if (status === 401) throw new MayNotPublish(`publishing was answered with 401 ${body}`);
    if (status !== 200) throw new Difference(`publishing the module "${module}" was answered with ${status} ${body}`);
    return this.adopt(name, identityIn(body));
  }

  /** One database for all cases that name the module. */
  database(module: ModuleName): Promise<TestDatabase> {
    const known = this.shared.get(module) ?? this.fresh(module);
    this.shared.set(module, known);
    return known;
  }

  /** A database that a case has published itself: it is deleted with the others. */
  adopt(name: string, identity: string, owner = this.owner): TestDatabase {
    const database = new TestDatabase(this, name, identity, owner);
    this.published.push(database);
    return database;
  }

  closeClients(): void {
    for (const database of this.published) database.closeClients();
  }

  /** Deletes every database that was published. Gives the names of those that could not be. */
  async cleanUp(): Promise<readonly string[]> {
    const left: string[] = [];
    for (const { path, name, owner } of this.published.splice(0)) {
      const { status } = await this.request('DELETE', path, { token: owner.token });
      // A case may have deleted it.
      if (status !== 200 && status !== 404) left.push(name);
    }
    return left;
  }
}

/** The identity of a database in the answer to its publication. */
export function identityIn(body: string): string {
  return JSON.parse(body).Success.database_identity.__identity__.replace(/^0x/, '');
}
