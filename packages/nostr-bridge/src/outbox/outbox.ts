import type { Ports } from '@autopilot/sync-contract';
import { within } from '../deadline.ts';
import { BridgeError } from '../errors.ts';
import type { EventTemplate, NostrEvent } from '../event/event.ts';
import { eventId } from '../event/event-id.ts';
import { parseEvent } from '../event/parse-event.ts';
import type { Signer } from '../event/signer.ts';
import { relayUrl } from '../relay/relay-options.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import type { Enqueued, OutboxStore } from './outbox-store.ts';
import { checkQuorum, type QuorumPolicy } from './quorum.ts';

/** An event to publish. */
export interface Outgoing {
  /** What the owner calls it. The same key again is the event that is stored already. */
  readonly key: string;
  /**
   * `created_at` is the time of the first call unless it is given, or the first second after it in which nothing was
   * stored that says the same.
   */
  readonly template: Omit<EventTemplate, 'created_at'> & { readonly created_at?: number };
  readonly relays: readonly string[];
  readonly quorum: QuorumPolicy;
}

/** An event that is built and signed, and not stored yet. */
export interface Prepared {
  readonly key: string;
  readonly event: NostrEvent;
  readonly relays: readonly string[];
  readonly quorum: QuorumPolicy;
}

/** What an outbox is made of. */
export interface OutboxParts {
  readonly file: BridgeFile;
  readonly store: OutboxStore;
  readonly ports: Ports;
  readonly signer: Signer;
  /** For one signature, in milliseconds. */
  readonly signMs: number;
}

/** How far ahead an event is dated to tell it from others that say the same. */
const mostSeconds = 60;
const largestEvent = 512 * 1024;

/** Builds and signs an event once, stores it, and only then tells that it may be sent. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #listeners = new Set<(relays: readonly string[]) => void>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  get pubkey(): string {
    return this.#parts.signer.pubkey;
  }

  /** The event that is stored under a key. */
  byKey(key: string): NostrEvent | undefined {
    return this.#parts.store.byKey(key);
  }

  /** Hears of the relays that an event was stored for. */
  onStored(listener: (relays: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Stores an event for its relays, together with others that are stored in the same turn. `along` runs in the transaction
   * that stores it, also when the event was stored before: what it writes is there exactly if the event is.
   *
   * @throws {BridgeError} `invalid_option`, `invalid_event`, `idempotency_conflict`, `signer_failed`, or what the file
   * refuses; then nothing is stored.
   */
  async enqueue(outgoing: Outgoing, along: (enqueued: Enqueued) => void = () => {}): Promise<Enqueued> {
    const prepared = await this.prepare(outgoing);
    const enqueued = await this.#parts.file.together('Storing an event', () => {
      const stored = this.store(prepared);
      along(stored);
      return stored;
    });
    if (!enqueued.isRepeated) this.tell(prepared.relays);
    return enqueued;
  }

  /**
   * The first half of {@link enqueue}, for whoever stores several at once: it builds and signs an event, or finds the one
   * that is stored under its key.
   *
   * @param others Ids of events that are prepared and not stored yet: no other one gets such an id.
   * @throws {BridgeError} as `enqueue`
   */
  async prepare(outgoing: Outgoing, others: ReadonlySet<string> = new Set()): Promise<Prepared> {
    const { store, ports } = this.#parts;
    const { key, quorum } = outgoing;
    const relays = outgoing.relays.map(relayUrl);
    checkQuorum(quorum, relays);
    const { created_at, kind, tags, content } = outgoing.template;
    const said = { kind, tags, content, pubkey: this.pubkey };
    const template = { kind, tags, content, created_at: created_at ?? Math.floor(ports.clock.now() / 1000) };
    checkTemplate({ ...template, pubkey: this.pubkey });
    // Two keys are two events, also when they say the same: an id has no more of a time than its second.
    if (created_at === undefined && store.byKey(key) === undefined) {
      for (const latest = template.created_at + mostSeconds; template.created_at < latest; template.created_at += 1) {
        const id = eventId({ ...said, created_at: template.created_at });
        if (!others.has(id) && store.standingOf(id) === undefined) break;
      }
    }
    // Signed before the transaction, which must not wait for anybody: of two at once, one signature is never used.
    const event = store.byKey(key, { ...template, pubkey: this.pubkey }) ?? (await this.#sign(template));
    return { key, event, relays, quorum };
  }

  /** The second half, in a transaction of the caller; after it, {@link tell} is called unless it `isRepeated`. */
  store({ key, event, relays, quorum }: Prepared): Enqueued {
    return this.#parts.store.add(key, event, relays, quorum);
  }

  /** Tells that an event is stored for these relays. */
  tell(relays: readonly string[]): void {
    for (const listener of this.#listeners) listener(relays);
  }

  async #sign(template: EventTemplate): Promise<NostrEvent> {
    const { ports, signer, signMs } = this.#parts;
    const signed = await within(ports.scheduler, signMs, () => signer.sign(template));
    if (signed.outcome === 'late') throw new BridgeError('signer_failed', `No signature within ${signMs} ms.`);
    if (signed.outcome === 'failed') {
      throw new BridgeError('signer_failed', 'The signer refused or failed.', { cause: signed.cause });
    }
    const parsed = parseEvent(signed.value);
    const expected = { ...template, pubkey: signer.pubkey };
    const id = eventId(expected);
    // A signer may be another program: what it gives is what goes out under this name.
    if (!('event' in parsed) || parsed.event.id !== id || eventId(parsed.event) !== id) {
      throw new BridgeError('signer_failed', 'The signer gave another event than it was asked for.');
    }
    return parsed.event;
  }
}

function checkTemplate(template: EventTemplate & { readonly pubkey: string }): void {
  const parsed = parseEvent({ ...template, id: '0'.repeat(64), sig: '0'.repeat(128) });
  if ('problem' in parsed) throw new BridgeError('invalid_event', `The ${parsed.problem} of the event is not valid.`);
  const bytes = Buffer.byteLength(JSON.stringify(template));
  if (bytes > largestEvent) throw new BridgeError('invalid_event', `The event has ${bytes} bytes.`);
}
