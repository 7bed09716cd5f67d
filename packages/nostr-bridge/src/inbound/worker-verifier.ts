import { type BackoffPolicy, backoffDelay, type Cancel, type Ports } from '@autopilot/sync-contract';
import type { NostrEvent } from '../event/event.ts';
import { verifyByNoble } from './noble-verify.ts';
import type { Verifier } from './verifier.ts';

/** A thread that checks batches, one at a time. */
export interface VerifyWorker {
  send(batch: { readonly number: number; readonly events: readonly NostrEvent[] }): void;
  terminate(): Promise<void>;
}

/** Starts a thread. `ended` is called once, however it ends. */
export type SpawnVerifyWorker = (handlers: {
  answered(answer: { readonly number: number; readonly results: readonly boolean[] }): void;
  ended(): void;
}) => VerifyWorker;

/** What a pool of threads is made of. */
export interface WorkerVerifierParts {
  readonly ports: Ports;
  readonly spawn: SpawnVerifyWorker;
  /** Threads; at least 1. */
  readonly workers: number;
  /** For one batch, in milliseconds: a thread that takes longer is ended. */
  readonly batchMs: number;
}

interface Batch {
  readonly number: number;
  readonly events: readonly NostrEvent[];
  readonly settle: (results: readonly boolean[]) => void;
}

interface Seat {
  worker: VerifyWorker | undefined;
  batch: Batch | undefined;
  failures: number;
  cancelDeadline: Cancel;
  cancelRespawn: Cancel;
}

const respawn: BackoffPolicy = { floorMs: 100, baseMs: 500, capMs: 60_000 };

/**
 * Checks signatures in threads of their own. What a thread did not answer, because it died or was too slow, is checked
 * here in JavaScript, one event per turn of the event loop, so that a batch is never lost and never taken for good.
 */
export class WorkerVerifier implements Verifier {
  readonly counters = { batches: 0, events: 0, worker_failures: 0, checked_here: 0 };
  readonly #parts: WorkerVerifierParts;
  readonly #seats: Seat[];
  readonly #queue: Batch[] = [];
  #number = 0;
  #isClosed = false;

  constructor(parts: WorkerVerifierParts) {
    this.#parts = parts;
    this.#seats = Array.from({ length: parts.workers }, () => ({
      worker: undefined,
      batch: undefined,
      failures: 0,
      cancelDeadline: () => {},
      cancelRespawn: () => {},
    }));
    for (const seat of this.#seats) this.#spawn(seat);
  }

  get parallel(): number {
    return this.#seats.length;
  }

  verify(events: readonly NostrEvent[]): Promise<readonly boolean[]> {
    return new Promise((settle) => {
      this.#number += 1;
      this.counters.batches += 1;
      this.counters.events += events.length;
      this.#queue.push({ number: this.#number, events, settle });
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const workers = this.#seats.flatMap(({ worker }) => worker ?? []);
    for (const seat of this.#seats) {
      seat.cancelDeadline();
      seat.cancelRespawn();
    }
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #pump(): void {
    for (const seat of this.#seats) {
      if (seat.worker === undefined || seat.batch !== undefined) continue;
      const batch = this.#queue.shift();
      if (batch === undefined) return;
      seat.batch = batch;
      seat.cancelDeadline = this.#parts.ports.scheduler.after(this.#parts.batchMs, () => void seat.worker?.terminate());
      seat.worker.send({ number: batch.number, events: batch.events });
    }
    // No thread is left, or coming back soon enough: nobody waits for one.
    if (this.#seats.every(({ worker }) => worker === undefined)) {
      for (const batch of this.#queue.splice(0)) void this.#checkHere(batch);
    }
  }

  #spawn(seat: Seat): void {
    let isOver = false;
    const ended = () => {
      if (isOver) return;
      isOver = true;
      this.#ended(seat);
    };
    try {
      seat.worker = this.#parts.spawn({
        answered: ({ number, results }) => {
          const { batch } = seat;
          if (isOver || batch?.number !== number) return;
          seat.cancelDeadline();
          seat.batch = undefined;
          seat.failures = 0;
          // An answer of another length is none: an event that was not checked must not count as good.
          if (results.length === batch.events.length) batch.settle(results);
          else void this.#checkHere(batch);
          this.#pump();
        },
        ended,
      });
    } catch {
      ended();
    }
  }

  #ended(seat: Seat): void {
    if (this.#isClosed) return;
    const { ports } = this.#parts;
    const { batch } = seat;
    this.counters.worker_failures += 1;
    seat.cancelDeadline();
    seat.worker = undefined;
    seat.batch = undefined;
    seat.cancelRespawn = ports.scheduler.after(backoffDelay(respawn, seat.failures, ports.random), () => {
      this.#spawn(seat);
      this.#pump();
    });
    seat.failures += 1;
    if (batch !== undefined) void this.#checkHere(batch);
    this.#pump();
  }

  async #checkHere({ events, settle }: Batch): Promise<void> {
    const results: boolean[] = [];
    for (const event of events) {
      results.push(verifyByNoble(event));
      this.counters.checked_here += 1;
      await new Promise<void>((resolve) => this.#parts.ports.scheduler.after(0, resolve));
    }
    settle(results);
  }
}
