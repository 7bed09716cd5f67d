import { Buffer } from 'node:buffer';
import { checkScheduleDelay } from './schedule-time.ts';
import type { Sequences } from './sequences.ts';
import { columnStarts, type TableStore } from './table-store.ts';

/**
 * Reads a row that is to be inserted, fills in its generated columns, and gives back their bytes.
 *
 * @throws {BsatnFault} when the bytes are no row. @throws {SysError} `scheduleAtDelayTooLong`.
 */
export function prepareRow(
  store: TableStore,
  sequences: Sequences,
  bytes: Buffer,
  timestamp: bigint,
): { row: Buffer; generated: Buffer } {
  const starts = columnStarts(store.schema, bytes);
  const row = Buffer.from(bytes.subarray(0, starts.at(-1)));
  const generated: Buffer[] = [];
  for (const sequence of store.schema.sequences) {
    const cell = row.subarray(starts[sequence.column], starts[sequence.column + 1]);
    if (cell.some((byte) => byte !== 0)) continue;
    // What does not fit into the column is cut off, as upstream does.
    let rest = BigInt.asUintN(sequence.size * 8, sequences.next(sequence));
    for (let index = 0; index < sequence.size; index += 1) {
      cell[index] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    generated.push(cell);
  }
  checkScheduleDelay(store.schema, row, starts, timestamp);
  return { row, generated: Buffer.concat(generated) };
}
