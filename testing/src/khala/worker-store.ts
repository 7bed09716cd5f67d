import { KhalaError } from './errors.ts';

/** One stored event of a worker. */
export interface WorkerEvent {
  /** The worker's own counter, from 1. */
  readonly seq: number;
  readonly event_type: string;
  readonly payload: unknown;
  /** ISO 8601. */
  readonly occurred_at: string;
  /** The counter of the topic runtime.codex_worker_events for the same event. */
  readonly watermark: number;
}

/** A worker and its events. */
export interface Worker {
  readonly id: string;
  /** The user that may see it: khala's channel does not look, so clients must. */
  readonly owner: string;
  status: 'running' | 'stopped';
  latest_seq: number;
  /** Events up to here are no longer served. */
  floor: number;
  readonly events: WorkerEvent[];
}

/** The workers, made at their first event. */
export class WorkerStore {
  readonly #workers = new Map<string, Worker>();

  get(id: string): Worker | undefined {
    return this.#workers.get(id);
  }

  all(): Worker[] {
    return [...this.#workers.values()];
  }

  /** The worker of an id, made for this owner when it is new. */
  ensure(id: string, owner: string): Worker {
    const known = this.#workers.get(id);
    if (known !== undefined) return known;
    const worker: Worker = { id, owner, status: 'running', latest_seq: 0, floor: 0, events: [] };
    this.#workers.set(id, worker);
    return worker;
  }

  /** At most `limit` stored events after a sequence, in order. */
  after(worker: Worker, cursor: number, limit: number): WorkerEvent[] {
    // A lost event has a number and no entry, so the place is at most the number and is found from there.
    let from = Math.min(Math.max(cursor, 0), worker.events.length);
    while (from > 0 && (worker.events[from - 1]?.seq ?? 0) > cursor) from -= 1;
    return worker.events.slice(from, from + limit).filter((event) => event.seq > worker.floor);
  }

  /** Keeps the newest `keep` events of a worker. */
  trim(id: string, keep: number): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) throw new KhalaError('unknown_worker', `No worker has the id ${JSON.stringify(id)}.`);
    worker.floor = Math.max(worker.floor, worker.latest_seq - keep);
  }
}
