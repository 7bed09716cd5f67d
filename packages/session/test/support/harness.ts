import type { LaneSignal, SyncEvent } from '@autopilot/sync-contract';
import { FakeHost } from '@autopilot/testing/fake-host';
import { Sim } from '@autopilot/testing/sim';
import { createSession, type Session, type SessionOptions, type SessionToken } from '../../src/index.ts';

/** A session against the model of the host, with everything it said. */
export class Harness {
  readonly sim: Sim;
  readonly host: FakeHost;
  readonly session: Session;
  readonly signals: LaneSignal[] = [];
  /** Reasons for which tokens were asked. */
  readonly asked: string[] = [];
  /** What came of each stream. */
  readonly #events = new Map<string, SyncEvent[]>();
  /** Milliseconds that a token lives. */
  tokenLife = 600_000;
  provide: (reason: string, signal: AbortSignal) => Promise<SessionToken>;

  constructor(options: Partial<SessionOptions> & { seed?: number } = {}) {
    const { seed, ...rest } = options;
    this.sim = new Sim(seed);
    this.host = new FakeHost(this.sim);
    this.provide = async () => this.token();
    this.session = createSession({
      token: (reason, signal) => {
        this.asked.push(reason);
        return this.provide(reason, signal);
      },
      ports: this.sim.ports,
      socket: this.host.socket,
      http: this.host.http,
      clientId: 'client-1',
      readMode: 'confirmed',
      ...rest,
    });
    this.session.listen((signal) => {
      this.signals.push(signal);
      if (signal.type === 'batch') this.events(signal.stream_id).push(...signal.events);
    });
  }

  token(name = `token-${this.asked.length}`): SessionToken {
    const now = this.sim.now;
    return {
      token: name,
      expires_at: now + this.tokenLife,
      refresh_after: now + this.tokenLife * 0.75,
      uri: 'http://host.test:3000',
      database: 'sync',
    };
  }

  /** All events of a stream in the order of their coming. */
  events(streamId: string): SyncEvent[] {
    const known = this.#events.get(streamId);
    if (known !== undefined) return known;
    const events: SyncEvent[] = [];
    this.#events.set(streamId, events);
    return events;
  }

  seqs(streamId: string): number[] {
    return this.events(streamId).map((event) => Number(event.seq));
  }

  of<Type extends LaneSignal['type']>(type: Type): Extract<LaneSignal, { type: Type }>[] {
    return this.signals.filter((signal): signal is Extract<LaneSignal, { type: Type }> => signal.type === type);
  }

  /** The states gone through, the reasons behind them. */
  get path(): string[] {
    return this.of('state').map((signal) => `${signal.to}:${signal.reason}`);
  }

  async live(): Promise<void> {
    await this.sim.until(() => this.session.state === 'live', 'live');
  }

  async state(state: Session['state']): Promise<void> {
    await this.sim.until(() => this.session.state === state, `state ${state} (is ${this.session.state})`);
  }

  async received(streamId: string, count: number): Promise<void> {
    await this.sim.until(() => this.events(streamId).length >= count, `${count} events of ${streamId}`);
  }

  async close(): Promise<void> {
    let closed = false;
    const done = this.session.close().then(() => {
      closed = true;
    });
    await this.sim.until(() => closed, 'closed');
    await done;
  }
}

/** 1, 2, ..., n. */
export function upTo(n: number, from = 1): number[] {
  return Array.from({ length: n - from + 1 }, (_, index) => from + index);
}
