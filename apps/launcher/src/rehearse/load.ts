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
}

const tickMs = 250;
const largestBatch = 250;
/** The slowest unit may be so many events behind before a hurried load waits for it. */
const patience = 3_000;
/** Behind more than this on either lane a burst waits: what comes later than the tolerance of parity is called missing. */
const burstPatience = 250;
/** A burst is published in so many parts, so that it lasts. */
const burstParts = 5;
/** So often a burst that has published nothing waits for the fleet; then the change begins without it. */
const burstWaits = 40;
/** Of the events, the share that may be gone before the load is told to hurry: it never ends before the faults do. */
const earlyShare = 0.7;
/** Events in a second from then on: still enough for what parity has to see in a week of the fast clock. */
const sparing = 8;
const pauseFor = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Burst {
  left: number;
  waits: number;
  readonly part: number;
  /** Runs when the first part is published, and when there will be none. */
  readonly begun: () => void;
}

/** Starts to publish, and goes on until all events are published. */
export function startLoad({ scale, publisher, random, lag, behind, pause = pauseFor }: LoadOptions): Load {
  const { events, streams } = scale;
  /** What may be published in a hurry: nothing until it is told to. */
  let hurried = 0;
  let burst: Burst | undefined;
  let stopped = false;
  let published = 0;
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
    // Once it is in a hurry, nobody goes back to khala, which may be far behind by then.
    const slowest = await behind(hurried === 0);
    const room = slowest === null ? 0 : burstPatience - slowest;
    const count = Math.min(now.left, now.part, room, events - published);
    // Less than one for each stream is not worth a request.
    if (count >= Math.min(streams, now.left, events - published) && count > 0) {
      now.left -= count;
      await publish(count);
      now.begun();
    } else {
      now.waits += 1;
      if (now.waits === burstWaits) now.begun();
    }
    await pause(tickMs / 2);
  }

  async function run(): Promise<void> {
    while (!stopped && published < events) {
      if (published < hurried) {
        const slowest = lag();
        if (slowest !== null && slowest < patience) await publish(Math.min(hurried - published, largestBatch));
        await pause(20);
      } else if (burst !== undefined && burst.left > 0) {
        await burstOn(burst);
      } else {
        const early = events * earlyShare - published;
        owed += (early > 0 ? scale.eventsPerSecond : sparing) * (tickMs / 1_000);
        const count = Math.min(events - published, Math.floor(owed));
        owed -= count;
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
      // Where the early share is gone, what is needed for every stream to have something.
      const early = hurried > 0 ? events : events * earlyShare - published;
      const left = Math.ceil(Math.max(streams * 4, Math.min(events * scale.burstShare, early)));
      await new Promise<void>((begun) => {
        burst = { left, waits: 0, part: Math.max(streams, Math.ceil(left / burstParts)), begun };
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
