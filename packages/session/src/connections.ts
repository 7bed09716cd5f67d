import type { Cancel, LaneSignal } from '@autopilot/sync-contract';
import { CallQueue } from './calls/call-queue.ts';
import type { Environment } from './environment.ts';
import { Lifecycle, type NetworkHint } from './lifecycle.ts';
import type { Link } from './link.ts';
import type { TransientSignal } from './module/event-rows.ts';
import type { Settings } from './options.ts';
import type { SubscriptionRecord } from './rows/subscription.ts';
import type { ReadMode, StreamRecord } from './streams/record.ts';
import { TokenSource } from './token-source.ts';

/** One connection of a session over its whole life, with what is read over it. */
export interface Channel {
  readonly readMode: ReadMode;
  readonly records: Map<string, StreamRecord>;
  readonly subscriptions: Set<SubscriptionRecord>;
  readonly lifecycle: Lifecycle;
}

/** What the connections report. */
export interface ConnectionsHost {
  emit(signal: LaneSignal): void;
  noticed(record: StreamRecord, notice: string, detail: string): void;
}

/** A connection that nothing is read over any more is closed after so long: streams come and go. */
const lingerMs = 5000;

/**
 * The connections of a session: the main one, which carries the calls and whose state is the session's, and one of the
 * other read mode as long as something is read in it. Each lives by the same transition table on its own, so that none
 * disturbs the other; they share the token source. `live` takes both.
 */
export class Connections {
  readonly main: Channel;
  readonly calls: CallQueue;
  readonly #env: Environment;
  readonly #settings: Settings;
  readonly #tokens: TokenSource;
  readonly #host: ConnectionsHost;
  readonly #closing = new Set<Promise<void>>();
  #side: Channel | undefined;
  #started = false;
  #cancelLinger: Cancel = () => {};

  constructor(env: Environment, settings: Settings, host: ConnectionsHost) {
    this.#env = env;
    this.#settings = settings;
    this.#host = host;
    this.#tokens = new TokenSource(env, settings.token, settings.tokenTimeoutMs, settings.backoff);
    this.calls = new CallQueue(env, { maxInFlight: settings.maxCallsInFlight, maxQueued: settings.maxCallsQueued });
    this.main = this.#channel(settings.readMode);
  }

  /** The main connection, then the other one if there is one. */
  get channels(): readonly Channel[] {
    return this.#side === undefined ? [this.main] : [this.main, this.#side];
  }

  start(): void {
    this.#started = true;
    for (const { lifecycle } of this.channels) lifecycle.start();
  }

  retryNow(): void {
    for (const { lifecycle } of this.channels) lifecycle.retryNow();
  }

  hint(kind: NetworkHint): void {
    for (const { lifecycle } of this.channels) lifecycle.hint(kind);
  }

  close(): Promise<void> {
    this.#cancelLinger();
    return this.main.lifecycle.close();
  }

  /** The connection for what is read in a mode; made when there is none yet. */
  open(readMode: ReadMode): Channel {
    if (readMode === this.main.readMode) return this.main;
    if (this.#side === undefined) {
      this.#side = this.#channel(readMode);
      if (this.#started) this.#side.lifecycle.start();
    }
    return this.#side;
  }

  /** Something of what was read is not read any more, or its standing has changed. */
  changed(): void {
    this.#cancelLinger();
    const side = this.#side;
    if (side !== undefined && !wanted(side)) {
      this.#cancelLinger = this.#env.after(lingerMs, () => {
        if (wanted(side)) return;
        this.#side = undefined;
        const closed = side.lifecycle.close().then(() => {
          this.#closing.delete(closed);
        });
        this.#closing.add(closed);
      });
    }
    side?.lifecycle.evaluate();
    this.main.lifecycle.evaluate();
  }

  record(streamId: string): StreamRecord | undefined {
    return this.main.records.get(streamId) ?? this.#side?.records.get(streamId);
  }

  /** The connections that a stream or subscription is read over: one, or two while a token is replaced. */
  links(of: { readonly readMode: ReadMode }): Iterable<Link> {
    return this.channels.find(({ readMode }) => readMode === of.readMode)?.lifecycle.links() ?? [];
  }

  #channel(readMode: ReadMode): Channel {
    const main = readMode === this.#settings.readMode;
    const records = new Map<string, StreamRecord>();
    const subscriptions = new Set<SubscriptionRecord>();
    const connections = this;
    const lifecycle: Lifecycle = new Lifecycle(
      this.#env,
      { ...this.#settings, readMode, inbox: main ? 'shared' : 'own' },
      this.#tokens,
      {
        records,
        subscriptions,
        calls: main ? this.calls : new CallQueue(this.#env, { maxInFlight: 1, maxQueued: 1 }),
        get elsewhere() {
          return main ? connections.#elsewhere() : { caughtUp: true, behind: false };
        },
        othersClosed: async () => {
          if (main) await connections.#othersClosed();
        },
        emit: (signal) => {
          if (main || signal.type !== 'state') this.#host.emit(signal);
        },
        changed: () => {
          if (!main && this.#side?.lifecycle === lifecycle) this.main.lifecycle.evaluate();
        },
        signalled: (signal) => this.#signalled(readMode, signal),
        noticed: (streamId, notice, detail) => {
          const record = records.get(streamId);
          if (record !== undefined) this.#host.noticed(record, notice, detail);
        },
      },
    );
    return { readMode, records, subscriptions, lifecycle };
  }

  /** What the state of the session takes from the other connection. */
  #elsewhere(): { caughtUp: boolean; behind: boolean } {
    const side = this.#side;
    if (side === undefined || !wanted(side)) return { caughtUp: true, behind: false };
    return side.lifecycle.standing;
  }

  /** A signal comes over every connection of the identity; it is told where its stream is read. */
  #signalled(readMode: ReadMode, signal: TransientSignal): void {
    const told = this.record(signal.stream_id)?.readMode ?? this.main.readMode;
    if (told === readMode) this.#host.emit({ type: 'transient', ...signal });
  }

  async #othersClosed(): Promise<void> {
    await Promise.all([this.#side?.lifecycle.close(), ...this.#closing]);
  }
}

function wanted({ records, subscriptions }: Channel): boolean {
  return records.size > 0 || subscriptions.size > 0;
}
