import type { KhalaCursorStore } from './options.ts';

/** How many watermarks are remembered to tell a twin from a repetition. */
const remembered = 4096;

/** The cursor of the topic: what was seen, and up to where it may be saved. */
export class TopicCursor {
  readonly #store: KhalaCursorStore;
  readonly #topic: string;
  readonly #failed: () => void;
  /** The watermarks seen on this connection, and in which ways. */
  readonly #seen = new Map<bigint, Set<string>>();
  #highest: bigint | undefined;
  #saved: bigint | undefined;
  #distrusted = false;

  constructor(store: KhalaCursorStore, topic: string, failed: () => void) {
    this.#store = store;
    this.#topic = topic;
    this.#failed = failed;
  }

  /** The highest watermark that was seen. */
  get highest(): bigint | undefined {
    return this.#highest;
  }

  /** Begins a connection: what the app stored is where replay starts; undefined for the oldest that khala keeps. */
  begin(): bigint | undefined {
    this.#seen.clear();
    let stored: bigint | null = null;
    try {
      if (!this.#distrusted) stored = this.#store.load(this.#topic);
    } catch {
      this.#failed();
    }
    if (stored !== null && (typeof stored !== 'bigint' || stored < 0n)) {
      this.#failed();
      stored = null;
    }
    this.#distrusted = false;
    this.#highest = stored ?? undefined;
    this.#saved = this.#highest;
    return this.#highest;
  }

  /** The next connection begins without the stored cursor: khala brought nothing after it, although there was more. */
  distrust(): void {
    this.#distrusted = true;
  }

  /** Goes to another place: khala cannot serve the one before. */
  jump(to: bigint): void {
    this.#seen.clear();
    this.#highest = to;
  }

  /** Takes note of an update. `skipped` tells that watermarks before it never came. */
  see(watermark: bigint, channel: 'event' | 'frame'): 'new' | 'twin' | 'again' | 'skipped' {
    const ways = this.#seen.get(watermark);
    if (ways !== undefined) {
      const twin = !ways.has(channel);
      ways.add(channel);
      return twin ? 'twin' : 'again';
    }
    this.#seen.set(watermark, new Set([channel]));
    if (this.#seen.size > remembered) this.#seen.delete(this.#seen.keys().next().value as bigint);
    const skipped = this.#highest !== undefined && watermark > this.#highest + 1n;
    if (this.#highest === undefined || watermark > this.#highest) this.#highest = watermark;
    return skipped ? 'skipped' : 'new';
  }

  /**
   * Saves how far everything was handed over.
   *
   * @param pending the lowest watermarks of what was not handed over yet, by stream.
   */
  save(pending: Iterable<bigint | undefined>): void {
    let safe = this.#highest;
    if (safe === undefined) return;
    for (const one of pending) if (one !== undefined && one <= safe) safe = one - 1n;
    if (safe < 0n || safe === this.#saved) return;
    try {
      this.#store.save(this.#topic, safe);
      this.#saved = safe;
    } catch {
      this.#failed();
    }
  }
}
