import type { KhalaTopic } from './topics.ts';

/** How the queue of one connection is served. */
interface SlowConsumerOptions {
  readonly limit: number;
  readonly perTick: number;
  /** Pushes what is new on a topic; false when the client does not take it now. */
  serve(topic: KhalaTopic): boolean;
  /** A topic found the queue full, for the nth time since it was empty. */
  overflow(topic: KhalaTopic, depth: number, strikes: number): void;
}

/**
 * The queue of topics that have news for one connection. What does not fit is a strike and loses nothing: the topic is
 * read from the connection's position whenever it is served.
 */
export class SlowConsumer {
  readonly #options: SlowConsumerOptions;
  #queue: KhalaTopic[] = [];
  #strikes = 0;
  #ticking = false;
  #blocked = false;

  constructor(options: SlowConsumerOptions) {
    this.#options = options;
  }

  get depth(): number {
    return this.#queue.length;
  }

  enqueue(topic: KhalaTopic): void {
    if (this.#queue.length >= this.#options.limit) {
      this.#strikes += 1;
      this.#options.overflow(topic, this.#queue.length, this.#strikes);
      return;
    }
    this.#queue.push(topic);
    if (!this.#blocked) this.#tickLater();
  }

  /** The client has taken what was sent. */
  wake(): void {
    this.#blocked = false;
    if (this.#queue.length > 0) this.#tickLater();
  }

  clear(): void {
    this.#queue = [];
    this.#strikes = 0;
    this.#blocked = false;
  }

  #tickLater(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      this.#tick();
    });
  }

  #tick(): void {
    for (let count = 0; count < this.#options.perTick; count += 1) {
      const topic = this.#queue[0];
      if (topic === undefined) break;
      if (!this.#options.serve(topic)) {
        this.#blocked = true;
        return;
      }
      this.#queue.shift();
    }
    if (this.#queue.length > 0) this.#tickLater();
    else this.#strikes = 0;
  }
}
