import type { KhalaTopic, TopicPolicy } from './topics.ts';

/** One stored update of a topic. */
export interface TopicEntry {
  /** The topic-wide counter; rises, with holes where an event was lost. */
  readonly watermark: number;
  readonly doc_key: string;
  readonly doc_version: number;
  /** The payload as JSON text; null in pointer mode. */
  readonly payload: string | null;
  /** Base64 of the SHA-256 over the canonical JSON of the payload. */
  readonly payload_hash: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** What the fan-out dialects call the kind of the message. */
  readonly kind: string;
  /** Never pushed live, only replayed. */
  readonly withheld: boolean;
}

/** The log of one topic: append at the head, retention at the tail. */
export class TopicLog {
  readonly name: KhalaTopic;
  readonly policy: TopicPolicy;
  #entries: TopicEntry[] = [];
  #head = 0;
  #trimmed = false;

  constructor(name: KhalaTopic, policy: TopicPolicy) {
    this.name = name;
    this.policy = policy;
  }

  /** The last watermark given out, 0 for none. */
  get head(): number {
    return this.#head;
  }

  /** How many entries are retained. */
  get size(): number {
    return this.#entries.length;
  }

  /** The lowest watermark from which a resume loses nothing. */
  get floor(): number {
    const oldest = this.#entries[0];
    // With everything trimmed the floor is the head: anything below it is gone.
    if (oldest === undefined) return this.#trimmed ? this.#head : 0;
    return Math.max(oldest.watermark - 1, 0);
  }

  /** Gives out the next watermark. */
  allocate(): number {
    this.#head += 1;
    return this.#head;
  }

  append(entry: TopicEntry): void {
    this.#entries.push(entry);
  }

  /** At most `limit` entries after a watermark and not after `upTo`, in order. */
  after(watermark: number, limit: number, upTo: number = this.#head): TopicEntry[] {
    const from = this.#indexAfter(watermark);
    const page = this.#entries.slice(from, from + limit);
    while (page.length > 0 && (page.at(-1)?.watermark ?? 0) > upTo) page.pop();
    return page;
  }

  /** Keeps the newest `keep` entries; returns how many went. */
  trim(keep: number): number {
    return this.#drop(Math.max(0, this.#entries.length - keep));
  }

  /** Drops entries older than a time, at most `limit` of them; returns how many went. */
  expire(before: number, limit: number): number {
    let count = 0;
    while (count < limit && (this.#entries[count]?.at ?? before) < before) count += 1;
    return this.#drop(count);
  }

  #drop(count: number): number {
    if (count > 0) {
      this.#entries = this.#entries.slice(count);
      this.#trimmed = true;
    }
    return count;
  }

  #indexAfter(watermark: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.watermark ?? 0) <= watermark) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
