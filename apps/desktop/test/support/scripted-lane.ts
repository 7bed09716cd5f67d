import {
  type ChainHash,
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  type LaneId,
  type LaneSignal,
  type LaneState,
  type StreamPosition,
  type SyncEvent,
} from '@autopilot/sync-contract';
import type { Ack } from '../../src/sync/ack-queue.ts';
import type { SyncLane, SyncLaneFactory } from '../../src/sync/sync-lane.ts';
import type { GrantedToken } from '../../src/sync/token-provider.ts';
import type { LaneFacts } from '../../src/view-model/view-model.ts';

/** Events `from` to `to` of a stream, as a host would have them. */
export function eventsOf(
  streamId: string,
  from: number,
  to: number,
  options: { readonly epoch?: string; readonly at?: (seq: number) => number; readonly salt?: string } = {},
): SyncEvent[] {
  const { epoch = 'e1', at = () => 0, salt = '' } = options;
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const seq = from + index;
    const payload = canonicalJson({ seq, text: `event ${seq}${salt}` });
    return {
      ...{ stream_id: streamId, epoch, seq: BigInt(seq), kind: 'item/completed', payload },
      ...{ payload_hash: canonicalPayloadHash(payload), idempotency_key: `${streamId}-${epoch}-${seq}${salt}` },
      committed_at: BigInt(at(seq)) * 1000n,
    };
  });
}

/** The chain after events that begin at sequence 1. */
export function chainOf(streamId: string, events: readonly SyncEvent[]): ChainHash {
  return events.reduce(extendChain, genesisChain(streamId));
}

/** What was asked of a lane. */
export type LaneCall =
  | { readonly call: 'follow' | 'rewind'; readonly stream_id: string; readonly after: StreamPosition | null }
  | { readonly call: 'unfollow'; readonly stream_id: string };

/** A lane that does what a test says. */
export class ScriptedLane implements SyncLane {
  readonly id: LaneId;
  readonly calls: LaneCall[] = [];
  readonly acks: Ack[] = [];
  ackError: Error | undefined;
  shown: LaneFacts = {
    ...{ attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null },
  };
  state: LaneState = 'idle';
  started = false;
  closed = false;
  readonly #listeners = new Set<(signal: LaneSignal) => void>();
  readonly #grantListeners = new Set<(streamIds: readonly string[]) => void>();
  readonly #askToken: (signal: AbortSignal) => Promise<GrantedToken>;

  constructor(
    askToken: (signal: AbortSignal) => Promise<GrantedToken> = () => Promise.reject(new Error('no token')),
    id: LaneId = 'spacetime',
  ) {
    this.id = id;
    this.#askToken = askToken;
  }

  facts(): LaneFacts {
    return this.shown;
  }

  askToken(): Promise<GrantedToken> {
    return this.#askToken(new AbortController().signal);
  }

  async acknowledge(ack: Ack): Promise<void> {
    if (this.ackError !== undefined) throw this.ackError;
    this.acks.push(ack);
  }

  onGranted(listener: (streamIds: readonly string[]) => void): () => void {
    this.#grantListeners.add(listener);
    return () => this.#grantListeners.delete(listener);
  }

  grant(...streamIds: string[]): void {
    for (const listener of this.#grantListeners) listener(streamIds);
  }

  start(): void {
    this.started = true;
  }

  follow(stream_id: string, after: StreamPosition | null): void {
    this.calls.push({ call: 'follow', stream_id, after });
  }

  rewind(stream_id: string, after: StreamPosition | null): void {
    this.calls.push({ call: 'rewind', stream_id, after });
  }

  unfollow(stream_id: string): void {
    this.calls.push({ call: 'unfollow', stream_id });
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size + this.#grantListeners.size;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  signal(signal: LaneSignal): void {
    for (const listener of this.#listeners) listener(signal);
  }

  go(to: LaneState, reason = 'scripted', message?: string): void {
    const from = this.state;
    this.state = to;
    this.signal({ type: 'state', from, to, reason, ...(message === undefined ? {} : { message }) });
  }

  batch(events: readonly SyncEvent[], source: 'replay' | 'live' = 'replay', head?: bigint): void {
    const last = events.at(-1);
    if (last === undefined) throw new Error('a batch has at least one event');
    this.signal({ type: 'batch', stream_id: last.stream_id, events, source, head: head ?? last.seq });
  }

  head(stream_id: string, head: number, head_chain?: string, epoch = 'e1'): void {
    const chain = head_chain === undefined ? {} : { head_chain };
    this.signal({ type: 'head', stream_id, epoch, head: BigInt(head), ...chain });
  }

  callsOf(call: LaneCall['call'], streamId: string): LaneCall[] {
    return this.calls.filter((made) => made.call === call && made.stream_id === streamId);
  }
}

/** A factory that hands its lane out. */
export function scriptedLane(): { readonly create: SyncLaneFactory; lane(): ScriptedLane } {
  let made: ScriptedLane | undefined;
  return {
    create: (token) => {
      made = new ScriptedLane(token);
      return made;
    },
    lane: () => {
      if (made === undefined) throw new Error('no lane was made yet');
      return made;
    },
  };
}
