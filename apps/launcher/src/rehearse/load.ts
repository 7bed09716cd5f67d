import type { Publication, Publisher } from './publisher.ts';
import type { Scale } from './scale.ts';

/** The load of the fleet's streams. */
export interface Load {
  /**
   * Publishes as fast as the fleet takes it while `work` runs, at most a share of all events; sparingly when that is
   * gone. The first events are on their way before `work` begins.
   */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Publishes as fast as the fleet takes it, all but the share that is kept for Stage 3. */
  hurry(): void;
  /** Publishes what is left as fast as the fleet takes it. */
  finish(): void;
  /** Resolves when every event is published; rejects when control refuses one. */
  readonly done: Promise<void>;
  readonly published: number;
  stop(): void;
}

export interface LoadOptions {
  readonly scale: Pick<Scale, 'events' | 'streams' | 'eventsPerSecond' | 'burstShare' | 'lastShare'>;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly random: () => number;
  /** How many events the slowest unit is behind; null when it is not known. */
  readonly lag: () => number | null;
  /** The same as of now, with what either of its lanes and, where it is asked for, khala itself is behind. */
  readonly behind: (khala: boolean) => Promise<number | null>;
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
}

const tickMs = 250;
const largestBatch = 250;
/** The slowest unit may be so many events behind before a hurried load waits for it. */
const patience = 3_000;
/**
 * A burst is published part by part, the next one when the fleet has half of the one before. Parts become smaller while
 * that takes longer than this, and larger while it is quick: what comes later than the tolerance of parity would be called
 * missing, however few events it is.
 */
const slowMs = 2_000;
const quickMs = 1_500;
const largestPart = 250;
/** Of the events, the share that is published between the changes at the usual rate: what they need is not used up. */
const spareShare = 0.3;
/** Events in a second from then on: still enough for what parity has to see in a week of the fast clock. */
const sparing = 8;
const pauseFor = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Burst {
  left: number;
  /** Events of the next part: a few for each stream, then as the fleet took the one before. */
  part: number;
  /** When the last part was sent; null before the first. */
  sentAt: number | null;
  /** Runs when the first part is published, and when there will be none. */
  readonly begun: () => void;
}

/** Starts to publish, and goes on until all events are published. */
export function startLoad(options: LoadOptions): Load {
  const { scale, publisher, random, lag, behind, pause = pauseFor, clock = () => performance.now() } = options;
  const { events, streams } = scale;
  /** What may be published in a hurry: nothing until it is told to. */
  let hurried = 0;
  let burst: Burst | undefined;
  let stopped = false;
  let published = 0;
  /** Of these, between the changes. */
  let spared = 0;
  let owed = 0;
  let order: number[] = [];

  /** Each stream once in so many events as there are streams, in a new order each time. */
  function nextStream(): number {
    if (order.length === 0) order = Array.from({ length: streams }, (_, stream) => stream);
    const [stream = 0] = order.splice(Math.floor(random() * order.length), 1);
    return stream;
  }

  function next(): Publication {
    const n = published;
    published += 1;
    const text = 'x'.repeat(Math.floor(random() * 120));
    return {
      topic: `run:rehearsal-${nextStream()}`,
      kind: 'item/completed',
      payload: { n, text },
      idempotency_key: `load-${n}`,
    };
  }

  async function publish(count: number): Promise<void> {
    if (count > 0) await publisher.publish(Array.from({ length: count }, next));
  }

  async function burstOn(now: Burst): Promise<void> {
    if (now.sentAt !== null) {
      // Once it is in a hurry, nobody goes back to khala, which may be far behind by then.
      const slowest = await behind(hurried === 0);
      const took = clock() - now.sentAt;
      if (slowest === null || slowest > now.part / 2) {
        if (took > slowMs) {
          now.part = Math.max(streams, Math.floor(now.part / 2));
          now.sentAt = clock();
        }
        await pause(tickMs / 4);
        return;
      }
      if (took < quickMs) now.part = Math.min(largestPart, now.part * 2);
    }
    // The change waits for the first part: before that one nobody is asked.
    const count = Math.min(now.part, now.left, events - published);
    now.left -= count;
    now.sentAt = clock();
    await publish(count);
    now.begun();
  }

  async function run(): Promise<void> {
    while (!stopped && published < events) {
      if (published < hurried) {
        const slowest = lag();
        if (slowest !== null && slowest < patience) await publish(Math.min(hurried - published, largestBatch));
        // Nothing is faster than this: a change that begins now is under load.
        burst?.begun();
        await pause(20);
      } else if (burst !== undefined && burst.left > 0) {
        await burstOn(burst);
      } else {
        owed += (spared < events * spareShare ? scale.eventsPerSecond : sparing) * (tickMs / 1_000);
        const count = Math.min(events - published, Math.floor(owed));
        owed -= count;
        spared += count;
        await publish(count);
        await pause(tickMs);
      }
    }
  }

  const done = run().finally(() => burst?.begun());
  // Whoever waits for it hears of a failure; until then it is none of an unhandled one.
  done.catch(() => {});
  return {
    async during(work) {
      if (burst !== undefined) throw new Error('one burst at a time');
      const room = hurried > 0 ? events : events * (1 - scale.lastShare) - published;
      // Where there is no room any more, what is needed for every stream to have something.
      const left = Math.ceil(Math.max(streams * 4, Math.min(events * scale.burstShare, room)));
      await new Promise<void>((begun) => {
        burst = { left, part: streams * 4, sentAt: null, begun };
        if (stopped || published >= events) begun();
      });
      try {
        return await work();
      } finally {
        burst = undefined;
      }
    },
    hurry() {
      hurried = Math.floor(events * (1 - scale.lastShare));
    },
    finish() {
      hurried = events;
    },
    done,
    get published() {
      return published;
    },
    stop() {
      stopped = true;
    },
  };
}
