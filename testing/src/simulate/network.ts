import type { FakeConnection } from '../fake-host/fake-connection.ts';
import { frame } from '../fake-host/server-bytes.ts';
import type { Sim } from '../fake-host/sim.ts';
import type { Chance } from './chance.ts';

/** How a frame is damaged. */
export type Damage = 'cut-short' | 'unknown-tag' | 'noise' | 'payload';

/** A frame that is held back longer than this is sent by itself: the connection loses nothing. */
const longestHold = 300;
/** The beginning of every payload of the model. */
const payloadMark = Buffer.from('{"seq":');

/** What is between host and client: latency, and what a frame may meet. */
export class Network {
  duplicates = 0;
  reorders = 0;
  readonly damages: Damage[] = [];
  readonly #sim: Sim;
  readonly #chance: Chance;
  readonly #usual: number;
  readonly #held = new Map<FakeConnection, Uint8Array>();
  #latency: number;
  #slowUntil = 0;

  constructor(sim: Sim, chance: Chance, latencyMs: number) {
    this.#sim = sim;
    this.#chance = chance;
    this.#usual = latencyMs;
    this.#latency = latencyMs;
  }

  /** Milliseconds that the next message travels. */
  latency(): number {
    const most = this.#sim.now < this.#slowUntil ? this.#latency : this.#usual;
    return this.#chance.whole(1, most);
  }

  slow(forMs: number, latencyMs: number): void {
    this.#slowUntil = this.#sim.now + forMs;
    this.#latency = latencyMs;
  }

  /** What arrives instead of a frame, in order. */
  transmit(connection: FakeConnection, given: Uint8Array): readonly Uint8Array[] {
    // Rows of tables are counted by who holds them: a host that sent them twice or in another order would be another host.
    if (Buffer.from(given.buffer, given.byteOffset, given.length).includes('my_streams')) return [given];
    const frames = this.#damaged(given);
    if (this.duplicates > 0) {
      this.duplicates -= 1;
      frames.push(given);
    }
    const held = this.#held.get(connection);
    if (held !== undefined) {
      this.#held.delete(connection);
      return [...frames, held];
    }
    const last = frames.pop();
    if (this.reorders > 0 && last !== undefined) {
      this.reorders -= 1;
      this.#held.set(connection, last);
      this.#sim.after(longestHold, () => this.#letGo(connection, last));
    } else if (last !== undefined) {
      frames.push(last);
    }
    return frames;
  }

  /** Everything is in order again. */
  repair(): void {
    this.duplicates = 0;
    this.reorders = 0;
    this.damages.length = 0;
    this.#slowUntil = 0;
  }

  #letGo(connection: FakeConnection, held: Uint8Array): void {
    if (this.#held.get(connection) !== held) return;
    this.#held.delete(connection);
    connection.deliver(held);
  }

  #damaged(given: Uint8Array): Uint8Array[] {
    const [damage] = this.damages;
    if (damage === undefined) return [given];
    if (damage === 'payload') {
      const changed = changedPayload(given, this.#chance);
      // No payload in this frame: it waits for one that has.
      if (changed === undefined) return [given];
      this.damages.shift();
      return [changed];
    }
    this.damages.shift();
    switch (damage) {
      case 'cut-short':
        // A view, as a socket gives it out of a larger buffer: the missing bytes lie behind it.
        return [given.subarray(0, this.#chance.whole(1, given.length - 1))];
      case 'unknown-tag':
        return [given.with(this.#chance.whole(0, 1), 99)];
      case 'noise':
        return [frame(Uint8Array.from({ length: 40 }, () => this.#chance.whole(0, 255))), given];
    }
  }
}

/** Another digit in one of the payloads of a frame, so that it still reads as an event. */
function changedPayload(given: Uint8Array, chance: Chance): Uint8Array | undefined {
  const bytes = Buffer.from(given);
  const places: [number, ...number[]] = [-1];
  for (let at = bytes.indexOf(payloadMark); at !== -1; at = bytes.indexOf(payloadMark, at + 1)) places.push(at);
  places.shift();
  if (places.length === 0) return undefined;
  const at = chance.pick(places) + payloadMark.length;
  bytes[at] = bytes[at] === 0x39 ? 0x31 : 0x39;
  return new Uint8Array(bytes);
}
