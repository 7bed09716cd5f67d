import type { Publication, Publisher } from './publisher.ts';
import type { Scale } from './scale.ts';

/** The load of the fleet's streams. */
export interface Load {
  /** Publishes what is left as fast as the fleet takes it. */
  hurry(): void;
  /** Resolves when every event is published; rejects when control refuses one. */
  readonly done: Promise<void>;
  readonly published: number;
  stop(): void;
}

export interface LoadOptions {
  readonly scale: Scale;
  readonly publisher: Publisher;
  readonly random: () => number;
  /** How many events the slowest unit is behind; null when it is not known. */
  readonly lag: () => number | null;
}

const tickMs = 250;
const largestBatch = 250;
/** The slowest unit may be so many events behind before a hurried load waits for it. */
const patience = 3_000;
/** Of the events, the share that may be gone before the load is told to hurry: it never ends before the faults do. */
const earlyShare = 0.7;
/** Events in a second from then on: still enough for what parity has to see in a week of the fast clock. */
const sparing = 8;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts to publish, and goes on until all events are published. */
export function startLoad({ scale, publisher, random, lag }: LoadOptions): Load {
  let hurried = false;
  let stopped = false;
  let published = 0;
  let owed = 0;

  function next(): Publication {
    const n = published;
    published += 1;
    const stream = Math.floor(random() * scale.streams);
    const text = 'x'.repeat(Math.floor(random() * 120));
    return {
      topic: `run:rehearsal-${stream}`,
      kind: 'item/completed',
      payload: { n, text },
      idempotency_key: `load-${n}`,
    };
  }

  async function run(): Promise<void> {
    while (!stopped && published < scale.events) {
      const left = scale.events - published;
      if (hurried) {
        const behind = lag();
        if (behind !== null && behind < patience) {
          await publisher.publish(Array.from({ length: Math.min(left, largestBatch) }, next));
        }
        await pause(20);
        continue;
      }
      const early = scale.events * earlyShare - published;
      owed += (early > 0 ? scale.eventsPerSecond : sparing) * (tickMs / 1_000);
      const count = Math.min(left, Math.floor(owed));
      owed -= count;
      if (count > 0) await publisher.publish(Array.from({ length: count }, next));
      await pause(tickMs);
    }
  }

  const done = run();
  // Whoever waits for it hears of a failure; until then it is none of an unhandled one.
  done.catch(() => {});
  return {
    hurry() {
      hurried = true;
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
