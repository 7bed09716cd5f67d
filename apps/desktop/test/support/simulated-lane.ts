import {
  genesisChain,
  type LaneId,
  type LaneSignal,
  type LaneState,
  type Ports,
  type StreamPosition,
  type SyncEvent,
} from '@autopilot/sync-contract';
import type { Ack } from '../../src/sync/ack-queue.ts';
import type { SyncLane } from '../../src/sync/sync-lane.ts';
import type { Seeded } from './seeded.ts';

/** The log of one lane: what its host has of every stream. */
export class SimulatedHost {
  readonly id: LaneId;
  readonly logs = new Map<string, SyncEvent[]>();
  readonly lanes = new Set<SimulatedLane>();
  /** Nothing new is appended while it hangs; it comes when it goes on. */
  down = false;

  constructor(id: LaneId) {
    this.id = id;
  }

  append(event: SyncEvent): void {
    const log = this.logs.get(event.stream_id) ?? [];
    log.push(event);
    this.logs.set(event.stream_id, log);
    for (const lane of this.lanes) lane.appended(event.stream_id);
  }

  log(streamId: string): readonly SyncEvent[] {
    return this.logs.get(streamId) ?? [];
  }
}

interface Reader {
  after: StreamPosition | null;
  generation: number;
  reading: boolean;
  stale: boolean;
}

/** A lane over a simulated host: late, cut and slow as its seed says, but true to the contract of lanes. */
export class SimulatedLane implements SyncLane {
  readonly id: LaneId;
  readonly acks: Ack[] = [];
  state: LaneState = 'idle';
  readonly #host: SimulatedHost;
  readonly #ports: Ports;
  readonly #seed: Seeded;
  readonly #listeners = new Set<(signal: LaneSignal) => void>();
  readonly #grantListeners = new Set<(streamIds: readonly string[]) => void>();
  readonly #readers = new Map<string, Reader>();
  #connection = 0;
  closed = false;

  constructor(host: SimulatedHost, ports: Ports, seed: Seeded) {
    this.id = host.id;
    this.#host = host;
    this.#ports = ports;
    this.#seed = seed;
    host.lanes.add(this);
  }

  facts() {
    return { attempts: 0, next_retry_ms: null, protocol: this.id, identity: null, database: null, uri: null };
  }

  async acknowledge(ack: Ack): Promise<void> {
    this.acks.push(ack);
  }

  onGranted(listener: (streamIds: readonly string[]) => void): () => void {
    this.#grantListeners.add(listener);
    return () => this.#grantListeners.delete(listener);
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    if (this.state !== 'idle') return;
    this.#connect();
  }

  follow(streamId: string, after: StreamPosition | null): void {
    if (this.#readers.has(streamId)) return;
    this.#readers.set(streamId, { after, generation: 0, reading: false, stale: false });
    this.#read(streamId);
    this.#settle();
  }

  rewind(streamId: string, after: StreamPosition | null): void {
    const reader = this.#readers.get(streamId);
    if (reader === undefined) {
      this.follow(streamId, after);
      return;
    }
    reader.after = after;
    reader.generation += 1;
    reader.reading = false;
    reader.stale = false;
    this.#read(streamId);
    this.#settle();
  }

  unfollow(streamId: string): void {
    this.#readers.delete(streamId);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#connection += 1;
    this.#host.lanes.delete(this);
    this.#go('closed', 'closed');
    this.#listeners.clear();
  }

  /** The connection goes away; the lane comes back by itself. */
  cut(): void {
    if (this.closed || this.state === 'idle' || this.state === 'backoff') return;
    this.#connection += 1;
    for (const reader of this.#readers.values()) {
      reader.reading = false;
      reader.generation += 1;
    }
    this.#go('backoff', 'cut');
    this.#later(() => this.#connect());
  }

  appended(streamId: string): void {
    if (this.state !== 'live' && this.state !== 'replaying') return;
    this.#read(streamId);
  }

  #connect(): void {
    if (this.#host.down) {
      this.#later(() => this.#connect());
      return;
    }
    this.#go('authenticating', 'start');
    this.#go('connecting', 'token');
    this.#later(() => {
      this.#go('subscribing', 'open');
      this.#go('replaying', 'subscribed');
      for (const streamId of this.#readers.keys()) this.#read(streamId);
      this.#settle();
    });
  }

  #later(task: () => void): void {
    const connection = this.#connection;
    this.#ports.scheduler.after(this.#seed.whole(1, 40), () => {
      if (connection === this.#connection && !this.closed) task();
    });
  }

  #read(streamId: string): void {
    const reader = this.#readers.get(streamId);
    if (reader === undefined || reader.reading || reader.stale) return;
    if (this.state !== 'replaying' && this.state !== 'live') return;
    reader.reading = true;
    const { generation } = reader;
    this.#later(() => {
      if (this.#readers.get(streamId) !== reader || reader.generation !== generation) return;
      reader.reading = false;
      this.#page(streamId, reader);
    });
  }

  #page(stream_id: string, reader: Reader): void {
    const log = this.#host.log(stream_id);
    const epoch = log[0]?.epoch ?? 'e1';
    const head = BigInt(log.length);
    const after = reader.after;
    if (after !== null && (after.epoch !== epoch || after.seq > head)) {
      reader.stale = true;
      const floor = { epoch, seq: 0n };
      const floor_chain = genesisChain(stream_id);
      this.#emit({ type: 'stale', stream_id, reason: 'epoch_changed', floor, floor_chain, head });
      return;
    }
    const from = Number(after?.seq ?? 0n);
    const events = log.slice(from, from + this.#seed.whole(1, 8));
    const last = events.at(-1);
    if (last !== undefined) {
      reader.after = { epoch, seq: last.seq };
      const source = this.state === 'live' ? 'live' : 'replay';
      const { generation } = reader;
      this.#emit({ type: 'batch', stream_id, events, source, head });
      if (reader.generation !== generation) return;
    } else if (after === null && log.length > 0) {
      reader.after = { epoch, seq: 0n };
    }
    this.#emit({ type: 'head', stream_id, epoch, head });
    if (this.#behind(stream_id, reader)) this.#read(stream_id);
    this.#settle();
  }

  #behind(streamId: string, reader: Reader): boolean {
    return (reader.after?.seq ?? 0n) < BigInt(this.#host.log(streamId).length);
  }

  /** Live when every reader is at the head that it has seen. */
  #settle(): void {
    const open = [...this.#readers].some(([id, reader]) => reader.stale || reader.reading || this.#behind(id, reader));
    if (this.state === 'replaying' && !open) this.#go('live', 'caught_up');
  }

  #go(to: LaneState, reason: string): void {
    const from = this.state;
    if (from === to) return;
    this.state = to;
    this.#emit({ type: 'state', from, to, reason });
  }

  #emit(signal: LaneSignal): void {
    for (const listener of [...this.#listeners]) listener(signal);
  }
}
