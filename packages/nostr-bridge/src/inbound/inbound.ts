import type { Cancel, Ports } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { NostrEvent } from '../event/event.ts';
import type { Filter } from '../relay/relay-subscriptions.ts';
import { TokenBucket } from '../relay/token-bucket.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import { type CheckSettings, checkEvent, type Refusal, refusals } from './checks.ts';
import { KnownSignatures } from './known-signatures.ts';
import type { SeenSet } from './seen-set.ts';
import type { Verifier } from './verifier.ts';

/** Bounds of what comes in. */
export interface InboundSettings extends CheckSettings {
  /** Events of one relay that wait for their signature to be checked, or to be stored. */
  readonly maxWaiting: number;
  /** Events of one batch: their signatures are checked together, and they are stored in one transaction. */
  readonly batchSize: number;
  /** Wrong ids and signatures that a relay may send: beyond it, it is treated as one that floods. */
  readonly forgeries: { readonly perSecond: number; readonly burst: number };
  /** How many signatures that were found good are remembered, and not checked again. */
  readonly knownSignatures: number;
  /** Events with such a signature that a relay may send: an overlap brings some, a relay that repeats itself never ends. */
  readonly repeats: { readonly perSecond: number; readonly burst: number };
  /** Until a write that the file refused is tried again, in milliseconds. */
  readonly storeRetryMs: number;
}

/** What is used where nothing is said. */
export const defaultInboundSettings: InboundSettings = {
  maxEventBytes: 128 * 1024,
  maxAheadSeconds: 900,
  maxWaiting: 1_000,
  batchSize: 64,
  forgeries: { perSecond: 0.2, burst: 20 },
  knownSignatures: 4_096,
  repeats: { perSecond: 50, burst: 10_000 },
  storeRetryMs: 1_000,
};

/** What the pipeline of inbound events is made of. */
export interface InboundParts {
  readonly file: BridgeFile;
  readonly ports: Ports;
  readonly verifier: Verifier;
  readonly seen: SeenSet;
  /**
   * Takes an event that is good and new, in the transaction that remembers its id, which is that of its whole batch. When
   * it throws, both are undone; when the batch cannot be stored, it is called again.
   */
  readonly accept: (event: NostrEvent, relay: string) => void;
  /**
   * False for events that may be taken more than once, because the newest of them counts: they are not remembered, and
   * none of them is too old.
   */
  readonly isOnce?: (event: NostrEvent) => boolean;
  readonly settings?: Partial<InboundSettings>;
}

const outcomes = ['accepted', 'accept_failures', 'store_failures', 'known_signatures'] as const;

/** What came in since this was made. `known_signatures` were good before, and are counted by what became of them as well. */
export type InboundCounters = Record<Refusal | (typeof outcomes)[number], number>;

interface Waiting {
  readonly event: NostrEvent;
  readonly relay: string;
}

/** Events of which each is to be checked once, with all who sent it: at least one. */
type Batch = readonly (readonly [Waiting, ...Waiting[]])[];

/** What came of the first of those that are verified. */
interface Stored {
  readonly answers: readonly (Refusal | 'accepted' | 'accept_failures')[];
  /** The file refused the next one. */
  readonly isRefused: boolean;
}

interface Lane {
  readonly waiting: NostrEvent[];
  readonly forgeries: TokenBucket;
  readonly repeats: TokenBucket;
  /** Waiting, being checked, or waiting to be stored. */
  held: number;
}

/** Size, schema, NIP-40, id, signature, then the seen-set, then whoever takes it: in this order, for every relay alike. */
export class Inbound {
  readonly counters: InboundCounters;
  readonly #parts: InboundParts;
  readonly #settings: InboundSettings;
  readonly #lanes = new Map<string, Lane>();
  readonly #known: KnownSignatures;
  /** Verified, in the order of being verified, and not stored yet. */
  readonly #verified: Waiting[] = [];
  #turn = 0;
  #batches = 0;
  #cancelStore: Cancel | undefined;
  /** A write was undone, and the seen-set could not be read again yet. */
  #isStale = false;
  #isClosed = false;

  constructor(parts: InboundParts) {
    this.#parts = parts;
    this.#settings = { ...defaultInboundSettings, ...parts.settings };
    this.counters = Object.fromEntries([...refusals, ...outcomes].map((name) => [name, 0])) as InboundCounters;
    this.#known = new KnownSignatures(this.#settings.knownSignatures);
  }

  /** Events that are held for a relay, or for all. */
  held(relay?: string): number {
    if (relay !== undefined) return this.#lanes.get(relay)?.held ?? 0;
    return [...this.#lanes.values()].reduce((sum, { held }) => sum + held, 0);
  }

  /**
   * Takes what a relay sent for a subscription with these filters.
   *
   * @returns false when the relay has used up its share, of space or of patience: its connection is to be given up.
   */
  offer(relay: string, value: unknown, bytes: number, filters: readonly Filter[]): boolean {
    const { ports } = this.#parts;
    const lane = this.#lane(relay);
    if (this.#isClosed) return false;
    if (lane.held >= this.#settings.maxWaiting) return false;
    const now = Math.floor(ports.clock.now() / 1000);
    const checked = checkEvent(value, bytes, filters, now, this.#settings);
    if ('refusal' in checked) {
      this.counters[checked.refusal] += 1;
      // Old and expired events are what honest relays have as well.
      return checked.refusal === 'expired' || lane.forgeries.take();
    }
    const { event } = checked;
    lane.held += 1;
    if (this.#known.has(event.id, event.sig)) {
      if (!this.#takeKnown({ event, relay })) return false;
      this.#storeNow();
    } else {
      lane.waiting.push(event);
      this.#pump();
    }
    // One whose forged signatures used up its patience before.
    return lane.forgeries.waitMs() === 0;
  }

  /** Takes nothing more. What is held is dropped: it was not remembered, so the overlap brings it again. */
  close(): void {
    this.#isClosed = true;
    this.#cancelStore?.();
    this.#verified.length = 0;
    for (const lane of this.#lanes.values()) lane.waiting.length = 0;
  }

  #lane(relay: string): Lane {
    let lane = this.#lanes.get(relay);
    if (lane === undefined) {
      const { clock } = this.#parts.ports;
      const { forgeries, repeats } = this.#settings;
      lane = {
        waiting: [],
        forgeries: new TokenBucket(clock, forgeries),
        repeats: new TokenBucket(clock, repeats),
        held: 0,
      };
      this.#lanes.set(relay, lane);
    }
    return lane;
  }

  /** Takes one whose signature is known to be good, unless its relay has sent too many of them. */
  #takeKnown(waiting: Waiting): boolean {
    this.counters.known_signatures += 1;
    const isTaken = this.#lane(waiting.relay).repeats.take();
    if (isTaken) this.#verified.push(waiting);
    else this.#release(waiting);
    return isTaken;
  }

  #pump(): void {
    while (this.#batches < this.#parts.verifier.parallel) {
      const batch = this.#nextBatch();
      if (batch.length === 0) break;
      this.#batches += 1;
      this.#parts.verifier
        .verify(batch.map(([{ event }]) => event))
        .catch((): readonly boolean[] => [])
        .then((results) => {
          this.#batches -= 1;
          if (this.#isClosed) return;
          this.#judged(batch, results);
          this.#pump();
        });
    }
    // What was found to be known by now.
    this.#storeNow();
  }

  /**
   * One event of each relay in turn: a relay that sends much makes no other one wait longer than a turn. A signature that
   * several of them have is in it once, with all who sent it, and not at all when it was found good since it came.
   */
  #nextBatch(): Batch {
    const lanes = [...this.#lanes].filter(([, { waiting }]) => waiting.length > 0);
    const batch = new Map<string, [Waiting, ...Waiting[]]>();
    for (let empty = 0; batch.size < this.#settings.batchSize && empty < lanes.length; this.#turn += 1) {
      const [relay, lane] = lanes[this.#turn % lanes.length] ?? [];
      const event = lane?.waiting.shift();
      empty = event === undefined ? empty + 1 : 0;
      if (event === undefined || relay === undefined) continue;
      const { id, sig } = event;
      const alike = batch.get(id + sig);
      if (alike !== undefined) alike.push({ event, relay });
      else if (this.#known.has(id, sig)) this.#takeKnown({ event, relay });
      else batch.set(id + sig, [{ event, relay }]);
    }
    return [...batch.values()];
  }

  #judged(batch: Batch, results: readonly boolean[]): void {
    batch.forEach((alike, index) => {
      const [{ event }, ...others] = alike;
      if (results[index] === true) {
        this.#known.add(event.id, event.sig);
        this.#verified.push(alike[0]);
        for (const waiting of others) this.#takeKnown(waiting);
        return;
      }
      for (const waiting of alike) {
        this.counters['wrong-signature'] += 1;
        this.#release(waiting);
        this.#lane(waiting.relay).forgeries.take();
      }
    });
    this.#storeNow();
  }

  /** Unless a file that refused has its pause. */
  #storeNow(): void {
    if (this.#cancelStore === undefined) this.#store();
  }

  /** Stores what is verified, in order. A file that refuses is tried again, and meanwhile the relays' shares fill up. */
  #store(): void {
    while (this.#verified.length > 0) {
      let stored: Stored;
      try {
        stored = this.#parts.file.transaction('Taking events', () => this.#takeSome());
      } catch {
        this.#reloaded();
        this.#storeLater();
        return;
      }
      for (const answer of stored.answers) this.counters[answer] += 1;
      for (const waiting of this.#verified.splice(0, stored.answers.length)) this.#release(waiting);
      if (stored.isRefused) {
        this.#storeLater();
        return;
      }
    }
  }

  /** So many in one transaction: what a commit costs is shared. */
  #takeSome(): Stored {
    const answers: Stored['answers'][number][] = [];
    for (const waiting of this.#verified.slice(0, this.#settings.batchSize)) {
      if (this.#isClosed) break;
      try {
        answers.push(this.#take(waiting));
      } catch (error) {
        if (!this.#reloaded() || (error instanceof BridgeError && error.recovery !== 'stop')) {
          return { answers, isRefused: true };
        }
        // Whoever takes it failed on this one: it is not remembered, and holds up no other.
        answers.push('accept_failures');
      }
    }
    return { answers, isRefused: false };
  }

  /** What the seen-set remembers is what the file has. */
  #reloaded(): boolean {
    try {
      this.#parts.seen.reload();
      this.#isStale = false;
    } catch {
      this.#isStale = true;
    }
    return !this.#isStale;
  }

  #take({ event, relay }: Waiting): Refusal | 'accepted' {
    const { file, seen, accept, isOnce } = this.#parts;
    return file.part('Taking an event', () => {
      const answer = isOnce?.(event) === false ? 'new' : seen.add(event.id, event.created_at);
      if (answer !== 'new') return answer;
      accept(event, relay);
      return 'accepted';
    });
  }

  #storeLater(): void {
    this.counters.store_failures += 1;
    this.#cancelStore = this.#parts.ports.scheduler.after(this.#settings.storeRetryMs, () => {
      this.#cancelStore = undefined;
      if (this.#isStale && !this.#reloaded()) this.#storeLater();
      else this.#store();
    });
  }

  #release({ relay }: Waiting): void {
    this.#lane(relay).held -= 1;
  }
}
