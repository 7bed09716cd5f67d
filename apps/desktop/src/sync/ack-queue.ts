import { type Cancel, isCodedError, type Scheduler } from '@autopilot/sync-contract';

/** A place that is durable in this desktop's store. */
export interface Ack {
  readonly stream_id: string;
  readonly epoch: string;
  readonly seq: bigint;
  readonly chain: string;
}

/** Tells the host, later and in passing, how far this desktop is. */
export interface AckQueue {
  /** Remembers the newest place of a stream; never sends at once, never throws. */
  note(ack: Ack): void;
  /** Acknowledgements that the host did not take, since the start. */
  readonly failures: number;
  close(): void;
}

const gatherMs = 1000;
const afterFailureMs = 10_000;

/**
 * Gathers for a second and sends only the newest place of each stream, one after the other. A failure costs nothing:
 * the places stay known here, and the next round sends newer ones.
 *
 * @param send Rejects with a coded error; one that says `retry` is tried again with the next round.
 */
export function createAckQueue(scheduler: Scheduler, send: (ack: Ack) => Promise<void>): AckQueue {
  const waiting = new Map<string, Ack>();
  let planned: Cancel | undefined;
  let sending = false;
  let closed = false;
  let failures = 0;

  const plan = (delay: number) => {
    if (closed || sending || planned !== undefined || waiting.size === 0) return;
    planned = scheduler.after(delay, () => {
      planned = undefined;
      void round();
    });
  };
  const round = async () => {
    sending = true;
    let delay = gatherMs;
    for (const ack of [...waiting.values()]) {
      if (closed) break;
      waiting.delete(ack.stream_id);
      try {
        await send(ack);
      } catch (error) {
        failures += 1;
        delay = afterFailureMs;
        const again = !isCodedError(error) || error.recovery === 'retry';
        if (again && !waiting.has(ack.stream_id)) waiting.set(ack.stream_id, ack);
        // Most likely there is no connection; the others would fail the same way.
        if (again) break;
      }
    }
    sending = false;
    plan(delay);
  };
  return {
    note(ack) {
      waiting.set(ack.stream_id, ack);
      plan(gatherMs);
    },
    get failures() {
      return failures;
    },
    close() {
      closed = true;
      planned?.();
      waiting.clear();
    },
  };
}
