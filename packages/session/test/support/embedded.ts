import { type EmbeddedHost, identityOf, startEmbedded } from '@autopilot/spacetime-embedded';
import type { LaneSignal, SyncEvent } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { createSession, nodeSocketFactory, type Session, type SessionOptions } from '../../src/index.ts';
import { fasterPorts } from './faster-ports.ts';
import { TestIssuer } from './issuer.ts';
import { moduleBundle } from './module-bundle.ts';

const everything = 'sync.subscribe sync.append sync.admin sync.checkpoint.write sync.presence';

/** One client of a real host over a real socket. */
export interface Client {
  readonly session: Session;
  readonly signals: LaneSignal[];
  readonly identity: string;
  events(streamId: string): SyncEvent[];
}

/** The module in an embedded host, configured to trust an issuer. */
export class Embedded {
  readonly host: EmbeddedHost;
  readonly issuer: TestIssuer;
  readonly #clients: Session[] = [];

  private constructor(host: EmbeddedHost, issuer: TestIssuer) {
    this.host = host;
    this.issuer = issuer;
  }

  static async start(): Promise<Embedded> {
    const issuer = new TestIssuer();
    const module = moduleBundle();
    const host = await startEmbedded({ module, database: 'sync', listen: '127.0.0.1:0', http: issuer.http });
    const embedded = new Embedded(host, issuer);
    const owner = embedded.client('owner', { raw: host.ownerToken ?? '' });
    owner.session.start();
    await owner.session.configure(issuer.url, issuer.audience);
    await owner.session.close();
    return embedded;
  }

  client(
    sub: string,
    {
      scope,
      raw,
      refreshInMs,
      ...options
    }: Partial<SessionOptions> & {
      scope?: string;
      raw?: string;
      refreshInMs?: number;
    } = {},
  ): Client {
    // A second is the least that a session waits for its refresh.
    const ports = refreshInMs === undefined ? systemPorts : fasterPorts(10);
    const session = createSession({
      token: async () => {
        const now = ports.clock.now();
        return {
          token: raw ?? this.issuer.token(sub, scope ?? everything),
          expires_at: now + 600_000,
          ...(refreshInMs === undefined ? {} : { refresh_after: now + Math.max(900, refreshInMs) }),
          uri: this.host.url,
          database: 'sync',
        };
      },
      ports,
      socket: nodeSocketFactory,
      http: systemHttp,
      clientId: `client-of-${sub}`,
      readMode: 'unconfirmed',
      backoff: { floorMs: 20, baseMs: 20, capMs: 100 },
      ...options,
    });
    const signals: LaneSignal[] = [];
    session.listen((signal) => signals.push(signal));
    this.#clients.push(session);
    return {
      session,
      signals,
      identity: identityOf(this.issuer.url, sub),
      events: (streamId) =>
        signals.flatMap((signal) => (signal.type === 'batch' && signal.stream_id === streamId ? signal.events : [])),
    };
  }

  async closeClients(): Promise<void> {
    await Promise.all(this.#clients.map((session) => session.close()));
  }

  async close(): Promise<void> {
    await this.closeClients();
    await this.host.close();
  }
}

/** Waits for a condition of the real world. */
export async function until(condition: () => boolean, what = condition.toString()): Promise<void> {
  const end = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
