import type { SyncEvent } from '@autopilot/sync-contract';
import { chainAt, committedAt, type FakeEvent, type FakeStream } from '../fake-host/fake-stream.ts';

/** What the host ever had: every life of every stream, whole. The oracle of a run. */
export class ServerLog {
  /** By stream and epoch. */
  readonly #lives = new Map<string, FakeStream>();
  /** The lowest kept sequences that a life ever had. */
  readonly #floors = new Map<FakeStream, Set<bigint>>();

  begin(stream: FakeStream): void {
    this.#lives.set(keyOf(stream.id, stream.epoch), stream);
    this.floor(stream);
  }

  /** The floor of a life has moved. */
  floor(stream: FakeStream): void {
    const floors = this.#floors.get(stream) ?? new Set();
    floors.add(stream.first_kept);
    this.#floors.set(stream, floors);
  }

  life(id: string, epoch: string): FakeStream | undefined {
    return this.#lives.get(keyOf(id, epoch));
  }

  /** Whether the host ever named this place as the floor of a life. */
  wasFloor(id: string, epoch: string, seq: bigint): boolean {
    const life = this.life(id, epoch);
    return life !== undefined && this.#floors.get(life)?.has(seq + 1n) === true;
  }

  /** The host's chain at a place; undefined when the place never was. */
  chain(id: string, epoch: string, seq: bigint): string | undefined {
    const life = this.life(id, epoch);
    return life === undefined || seq > BigInt(life.events.length) ? undefined : chainAt(life, seq);
  }

  /** How an event differs from the one that the host has in its place; undefined when it does not. */
  difference(event: SyncEvent): string | undefined {
    const life = this.life(event.stream_id, event.epoch);
    if (life === undefined) return `there never was an epoch "${event.epoch}"`;
    const own: FakeEvent | undefined = life.events[Number(event.seq) - 1];
    if (own === undefined) return `the host has only ${life.events.length} events`;
    for (const field of ['kind', 'payload', 'payload_hash', 'idempotency_key'] as const) {
      if (own[field] !== event[field]) return `${field} is ${event[field]}, the host has ${own[field]}`;
    }
    return event.committed_at === committedAt.microsSinceUnixEpoch ? undefined : 'committed_at differs';
  }
}

function keyOf(id: string, epoch: string): string {
  return `${id} ${epoch}`;
}
