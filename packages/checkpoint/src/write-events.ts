import type { SyncEvent } from '@autopilot/sync-contract';
import { nativeCode } from './errors.ts';
import { keyConflict } from './refusals.ts';
import type { StreamChange } from './store.ts';
import { rowsAtOnce, type StreamStatements } from './stream-statements.ts';

type InsertStatements = Pick<StreamStatements, 'insertEvent' | 'insertEvents'>;

/**
 * Writes the events of a change, so many by one statement as it takes: going into SQLite and out again for every row is a
 * quarter of what a row costs.
 */
export function writeEvents(statements: InsertStatements, generation: bigint, change: StreamChange): void {
  const { events } = change;
  let at = 0;
  for (; at + rowsAtOnce <= events.length; at += rowsAtOnce) {
    const some = events.slice(at, at + rowsAtOnce);
    try {
      statements.insertEvents.run(...valuesOf(generation, some));
    } catch (cause) {
      if (!isKeyConflict(cause)) throw cause;
      // A statement that is refused has stored none of its rows: one by one, the row that is in the way is found.
      for (const event of some) writeEvent(statements, generation, change, event);
    }
  }
  for (; at < events.length; at += 1) writeEvent(statements, generation, change, events[at] as SyncEvent);
}

function writeEvent(statements: InsertStatements, generation: bigint, change: StreamChange, event: SyncEvent): void {
  const { seq, kind, payload, payload_hash, idempotency_key, committed_at } = event;
  try {
    // Plain arguments: no object is made per row.
    statements.insertEvent.run(generation, seq, kind, payload, payload_hash, idempotency_key, committed_at);
  } catch (cause) {
    if (!isKeyConflict(cause)) throw cause;
    throw keyConflict(change, event, cause);
  }
}

function valuesOf(generation: bigint, events: readonly SyncEvent[]): (string | bigint)[] {
  const values: (string | bigint)[] = [];
  for (const { seq, kind, payload, payload_hash, idempotency_key, committed_at } of events) {
    values.push(generation, seq, kind, payload, payload_hash, idempotency_key, committed_at);
  }
  return values;
}

function isKeyConflict(cause: unknown): boolean {
  return nativeCode(cause) === 'SQLITE_CONSTRAINT_UNIQUE';
}
