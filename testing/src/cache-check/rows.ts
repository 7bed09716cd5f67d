/** A column's type on the wire. All of them fit a number exactly: counters, small amounts, microseconds. */
type Column = 'u32' | 'u64' | 'i64';

/** The public tables that keep rows, their columns in the order of the module. */
export const publicTables = {
  head: { id: 'u32', n: 'u64' },
  account: { id: 'u32', balance: 'i64', n: 'u64' },
  entry: { n: 'u64', writer: 'u32', nonce: 'u64', source: 'u32', target: 'u32', amount: 'u64', at: 'u64' },
  mark: { slot: 'u32', side: 'u32', n: 'u64' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Column>>>>;

export type PublicTable = keyof typeof publicTables;

/** The event table: its rows carry one column, the number of the transaction. */
export const eventTable = 'happened';

/** What every subscriber asks for. Some rows are covered twice, and move in and out of a condition. */
export const queries: readonly string[] = [
  ...[...Object.keys(publicTables), eventTable].map((table) => `SELECT * FROM ${table}`),
  'SELECT * FROM account WHERE id < 8',
  'SELECT * FROM account WHERE balance < 0',
];

/** A row as a text that is the same wherever it was read: from BSATN, from the official client, or from SQL. */
export type RowText = string;

export function rowText(table: PublicTable, cells: readonly (number | bigint)[]): RowText {
  return `${table}:${cells.join(',')}`;
}

/** The table and the cells of a row text. */
export function readRowText(text: RowText): { readonly table: PublicTable; readonly cells: readonly number[] } {
  const [table = '', cells = ''] = text.split(':');
  return { table: table as PublicTable, cells: cells.split(',').map(Number) };
}

/** The number in the row of `head`; undefined unless there is exactly one. */
export function headOf(rows: Iterable<RowText>): number | undefined {
  let found: number | undefined;
  for (const row of rows) {
    if (!row.startsWith('head:')) continue;
    if (found !== undefined) return undefined;
    found = readRowText(row).cells[1];
  }
  return found;
}

/**
 * Reads the cells of a BSATN row.
 *
 * @throws {RangeError} when the row is not as long as its columns.
 */
export function decodeCells(columns: readonly Column[], row: Uint8Array): bigint[] {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  let at = 0;
  const cells = columns.map((column) => {
    const size = column === 'u32' ? 4 : 8;
    at += size;
    if (column === 'u32') return BigInt(view.getUint32(at - size, true));
    return column === 'i64' ? view.getBigInt64(at - size, true) : view.getBigUint64(at - size, true);
  });
  if (at !== row.length) throw new RangeError(`A row has ${row.length} bytes instead of ${at}.`);
  return cells;
}

/** The columns of a table that a row of the wire is read by. @throws {RangeError} for a table that was not asked for. */
export function columnsOf(table: string): readonly Column[] {
  if (table === eventTable) return ['u64'];
  if (!(table in publicTables)) throw new RangeError(`Rows of ${table} came unasked.`);
  return Object.values(publicTables[table as PublicTable]);
}
