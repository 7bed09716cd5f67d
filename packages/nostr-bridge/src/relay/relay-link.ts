import type { Cancel, Socket } from '@autopilot/sync-contract';
import type { NostrEvent } from '../event/event.ts';
import type { LinkContext } from './link-context.ts';
import { RelayAuth } from './relay-auth.ts';
import { type RelayFrame, readFrame } from './relay-frame.ts';
import { RelayPublishes } from './relay-publishes.ts';
import { type RelaySubscription, RelaySubscriptions } from './relay-subscriptions.ts';
import { TokenBucket } from './token-bucket.ts';
import { cut, prefixOf, readOk, type Verdict } from './verdict.ts';

/** Why a connection ended. */
export type LossReason =
  | 'refused'
  | 'closed'
  | 'connect-deadline'
  | 'publish-deadline'
  | 'eose-deadline'
  | 'silent'
  | 'flooded'
  | 'oversized'
  | 'send-failed'
  | 'breaker'
  | 'ended-here';

/** What a connection tells. Nothing more is told after `lost`. */
export interface LinkHost {
  opened(): void;
  /** Something that was asked has been answered. */
  proven(): void;
  /** Something that was asked was not answered, on a connection that goes on. */
  failed(): void;
  /** An OK nobody waits for any more. */
  late(id: string, verdict: Verdict): void;
  /** The relay says that it is asked too much. */
  rateLimited(): void;
  noticed(message: string): void;
  lost(reason: LossReason, detail: string, retryAfterMs: number): void;
}

/** Asks for something that does not exist: any answer proves that the relay is there. */
const probe: RelaySubscription = {
  id: 'probe',
  filters: () => [{ ids: ['0'.repeat(64)], limit: 1 }],
  event: () => true,
  eose: () => {},
  closed: () => {},
};

/** One websocket to a relay, from being asked for to its end. */
export class RelayLink {
  readonly #context: LinkContext;
  readonly #host: LinkHost;
  readonly #socket: Socket;
  readonly #auth: RelayAuth;
  readonly #publishes: RelayPublishes;
  readonly #subscriptions: RelaySubscriptions;
  readonly #nuisance: TokenBucket;
  #cancelTimer: Cancel;
  #heardAt = 0;
  /** Things asked on this connection that were answered. */
  #answers = 0;
  #phase: 'connecting' | 'open' | 'ended' = 'connecting';

  constructor(context: LinkContext, host: LinkHost) {
    const { ports, settings, counters } = context;
    this.#context = context;
    this.#host = host;
    this.#nuisance = new TokenBucket(ports.clock, settings.nuisance);
    const send = (frame: readonly unknown[]) => this.#send(frame);
    this.#auth = new RelayAuth(context, send);
    this.#publishes = new RelayPublishes(context, this.#auth, send);
    this.#subscriptions = new RelaySubscriptions(context, this.#auth, send);
    this.#cancelTimer = ports.scheduler.after(settings.connectMs, () =>
      this.end('connect-deadline', `No connection within ${settings.connectMs} ms.`),
    );
    const live = (task: () => void) => {
      if (this.#phase === 'ended') counters.stale_callbacks += 1;
      else task();
    };
    this.#socket = context.sockets(
      { url: context.url, protocols: [], headers: {} },
      {
        opened: () => live(() => this.#opened()),
        message: (data) => live(() => this.#message(data)),
        alive: () => live(() => this.#heard()),
        refused: (status, _body, retryAfterMs) =>
          live(() => this.end('refused', `The upgrade was answered with ${status}.`, retryAfterMs)),
        closed: (code, reason) => live(() => this.end('closed', cut(`${code} ${reason}`))),
      },
    );
  }

  get inFlight(): number {
    return this.#publishes.size;
  }

  publish(event: NostrEvent): Promise<Verdict> {
    const answersBefore = this.#answers;
    return this.#publishes.publish(event, () => {
      // One event that is not answered says nothing of a relay that answers others: its OK may still come.
      if (this.#answers === answersBefore) this.end('publish-deadline', 'Nothing was answered in time.');
      else this.#host.failed();
    });
  }

  subscribe(subscription: RelaySubscription): void {
    this.#subscriptions.open(subscription, this.#eoseLate);
  }

  unsubscribe(id: string): void {
    this.#subscriptions.close(id);
  }

  /** Gives the connection up and says so. */
  end(reason: LossReason, detail: string, retryAfterMs = 0): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#cancelTimer();
    this.#auth.end();
    this.#subscriptions.end();
    if (reason === 'ended-here') this.#socket.close(1000);
    // A relay that does not answer does not answer a close either.
    else this.#socket.terminate();
    this.#host.lost(reason, detail, retryAfterMs);
    // Last: whoever hears of it may ask at once, and must find this connection gone.
    this.#publishes.end();
  }

  readonly #eoseLate = (): void => this.end('eose-deadline', 'A subscription was not answered in time.');

  #opened(): void {
    this.#phase = 'open';
    this.#cancelTimer();
    this.#heard();
    this.#watch();
    this.#host.opened();
  }

  #watch(): void {
    const { ports, settings } = this.#context;
    const rest = this.#heardAt + settings.silenceMs - ports.clock.monotonic();
    this.#cancelTimer = ports.scheduler.after(Math.max(1, rest), () => {
      if (ports.clock.monotonic() - this.#heardAt < settings.silenceMs) return this.#watch();
      this.#heard();
      this.#subscriptions.open(probe, () => this.end('silent', 'The relay did not answer a probe.'));
      this.#watch();
    });
  }

  #heard(): void {
    this.#heardAt = this.#context.ports.clock.monotonic();
  }

  #message(data: Uint8Array): void {
    const { counters, settings } = this.#context;
    counters.frames += 1;
    this.#heard();
    if (data.byteLength > settings.maxFrameBytes) {
      counters.oversized_frames += 1;
      this.end('oversized', `A frame has ${data.byteLength} bytes.`);
    } else if (!this.#deal(readFrame(data), data.byteLength)) this.#annoyed();
  }

  /** @returns whether the frame was asked for. */
  #deal(frame: RelayFrame, bytes: number): boolean {
    const { counters } = this.#context;
    switch (frame.type) {
      case 'EVENT': {
        const taken = this.#subscriptions.event(frame.subscription, frame.event, bytes);
        if (taken === false) this.#flooded('More events came than are taken.');
        return taken !== undefined || this.#unmatched();
      }
      case 'OK':
        return this.#ok(frame.id, readOk(frame.accepted, frame.message));
      case 'EOSE':
        return this.#proven(this.#subscriptions.eose(frame.subscription)) || this.#unmatched();
      case 'CLOSED':
        if (prefixOf(frame.message) === 'rate-limited') this.#host.rateLimited();
        if (frame.subscription === probe.id) this.#proven(true);
        return this.#subscriptions.closed(frame.subscription, frame.message, this.#eoseLate) || this.#unmatched();
      case 'NOTICE':
        counters.notices += 1;
        if (prefixOf(frame.message) === 'rate-limited') this.#host.rateLimited();
        this.#host.noticed(cut(frame.message));
        return false;
      case 'AUTH':
        this.#auth.challenged(frame.challenge);
        return false;
      case 'malformed':
        counters.malformed_frames += 1;
        return false;
      case 'other':
        return false;
    }
  }

  #ok(id: string, verdict: Verdict): boolean {
    if (this.#auth.settled(id, verdict)) return true;
    if (verdict.reason === 'rate-limited') this.#host.rateLimited();
    if (this.#proven(this.#publishes.answered(id, verdict))) return true;
    this.#host.late(id, verdict);
    return this.#unmatched();
  }

  #proven(matched: boolean): boolean {
    if (!matched) return false;
    this.#answers += 1;
    this.#host.proven();
    return true;
  }

  #unmatched(): false {
    this.#context.counters.unmatched_frames += 1;
    return false;
  }

  #annoyed(): void {
    if (!this.#nuisance.take()) this.#flooded('Too many frames came that nobody asked for.');
  }

  #flooded(detail: string): void {
    if (this.#phase === 'ended') return;
    this.#context.counters.floods += 1;
    this.end('flooded', detail);
  }

  #send(frame: readonly unknown[]): void {
    if (this.#phase !== 'open') return;
    try {
      this.#socket.send(JSON.stringify(frame));
    } catch (error) {
      this.end('send-failed', String(error));
    }
  }
}
