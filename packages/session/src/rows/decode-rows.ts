import type { BsatnReader } from '../wire/bsatn-reader.ts';
import { RawRows, type RowList } from '../wire/row-list.ts';
import type { RawChange } from './row-bag.ts';
import type { RowDecoder, TableChange } from './subscription.ts';

/** The rows of a list, decoded. */
export function decodeRows<Row>(
  reader: BsatnReader,
  table: string,
  rows: RowList<Uint8Array>,
  decode: RowDecoder<Row>,
): Row[] {
  const decoded: Row[] = [];
  // Read where they are kept: a view of each would take about as long as reading a short row.
  if (rows instanceof RawRows) reader.eachRow(rows, () => decoded.push(decode(table, reader)));
  else for (const row of rows) decoded.push(decode(table, reader.begin(row)));
  return decoded;
}

/** What changed, decoded. */
export function decodeChanges<Row>(
  reader: BsatnReader,
  changes: readonly RawChange[],
  decode: RowDecoder<Row>,
): TableChange<Row>[] {
  return changes.map(({ table, inserts, deletes, events }) => ({
    table,
    inserts: decodeRows(reader, table, inserts, decode),
    deletes: decodeRows(reader, table, deletes, decode),
    events: decodeRows(reader, table, events, decode),
  }));
}
