import type { Cancel, Ports } from '@autopilot/sync-contract';
import { BTree } from './btree.ts';
import { readSchedule } from './schedule-time.ts';
import type { StoredRow } from './stored-row.ts';
import { columnStarts, type TableStore } from './table-store.ts';

/** A row of a schedule table that waits for its time. */
export interface ScheduleEntry {
  readonly store: TableStore;
  /** Bytes of the primary key, hex. */
  readonly id: string;
  /** Microseconds since the Unix epoch. */
  readonly due: bigint;
  readonly order: string;
}

/** Knows when which schedule row is due. */
export class ScheduleQueue {
  readonly #ports: Ports;
  readonly #fire: (entry: ScheduleEntry) => void;
  readonly #byTime = new BTree<ScheduleEntry>();
  readonly #byRow = new Map<string, ScheduleEntry>();
  #count = 0;
  #armed: { readonly due: bigint; readonly cancel: Cancel } | undefined;
  #running = false;

  constructor(ports: Ports, fire: (entry: ScheduleEntry) => void) {
    this.#ports = ports;
    this.#fire = fire;
  }

  now(): bigint {
    return BigInt(Math.floor(this.#ports.clock.now() * 1000));
  }

  /** Takes over the net changes of a schedule table. */
  track(store: TableStore, inserts: Iterable<StoredRow>, deletes: Iterable<StoredRow>): void {
    for (const row of deletes) this.#forget(rowName(store, idOf(store, row)));
    for (const row of inserts) {
      const wish = readSchedule(store.schema, row.bytes, columnStarts(store.schema, row.bytes));
      if (wish === undefined) continue;
      this.#add(store, idOf(store, row), wish.kind === 'time' ? wish.time : this.now() + wish.interval);
    }
  }

  /** Whether the row of an entry still waits under it: not deleted and not scheduled anew. */
  isCurrent(entry: ScheduleEntry): boolean {
    return this.#byRow.get(rowName(entry.store, entry.id)) === entry;
  }

  /** Queues an interval again: from the time it was meant for, without the ticks that were missed. */
  repeat(entry: ScheduleEntry, interval: bigint): void {
    const now = this.now();
    if (interval === 0n) {
      this.#add(entry.store, entry.id, now);
      return;
    }
    const missed = now < entry.due ? 0n : (now - entry.due) / interval;
    this.#add(entry.store, entry.id, entry.due + interval * (missed + 1n));
  }

  /** Sets the timer for the earliest entry. */
  arm(): void {
    const first = this.#byTime.first()?.value;
    if (this.#running || first?.due === this.#armed?.due) return;
    this.stop();
    if (first === undefined) return;
    const wait = first.due - this.now();
    const milliseconds = wait <= 0n ? 0 : Math.ceil(Number(wait) / 1000);
    this.#armed = { due: first.due, cancel: this.#ports.scheduler.after(milliseconds, () => this.#run()) };
  }

  stop(): void {
    this.#armed?.cancel();
    this.#armed = undefined;
  }

  #run(): void {
    this.#armed = undefined;
    this.#running = true;
    // Only what is due already: a zero interval must let others in between.
    const now = this.now();
    const due: ScheduleEntry[] = [];
    for (
      let first = this.#byTime.first();
      first !== undefined && first.value.due <= now;
      first = this.#byTime.first()
    ) {
      due.push(first.value);
      this.#byTime.delete(first.key);
    }
    const failures: unknown[] = [];
    for (const entry of due) {
      try {
        if (this.isCurrent(entry)) this.#fire(entry);
      } catch (failure) {
        failures.push(failure);
      }
    }
    this.#running = false;
    this.arm();
    if (failures.length > 0) throw failures[0];
  }

  #add(store: TableStore, id: string, due: bigint): void {
    const name = rowName(store, id);
    this.#forget(name);
    this.#count += 1;
    const when = due < 0n ? 0n : due;
    const order = `${when.toString(16).padStart(16, '0')}:${this.#count.toString(16).padStart(12, '0')}`;
    const entry: ScheduleEntry = { store, id, due: when, order };
    this.#byRow.set(name, entry);
    this.#byTime.set(order, entry);
  }

  #forget(name: string): void {
    const entry = this.#byRow.get(name);
    if (entry === undefined) return;
    this.#byRow.delete(name);
    this.#byTime.delete(entry.order);
  }
}

function idOf({ schema }: TableStore, row: StoredRow): string {
  const [key] = schema.definition.primaryKey;
  const starts = columnStarts(schema, row.bytes);
  return row.bytes.subarray(starts[key ?? 0], starts[(key ?? 0) + 1]).toString('hex');
}

function rowName({ schema }: TableStore, id: string): string {
  return `${schema.definition.id}:${id}`;
}
