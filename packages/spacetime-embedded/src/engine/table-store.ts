import { BTree } from './btree.ts';
import type { IndexSchema, TableSchema } from './module-schema.ts';
import { afterAll, keyWriter } from './sort-key.ts';
import { hashBytes, RowSet, StoredRow } from './stored-row.ts';

/** The committed rows of one table with their indexes. */
export class TableStore {
  readonly schema: TableSchema;
  readonly rows = new RowSet();
  /** By position of the index. */
  readonly trees: readonly BTree<StoredRow>[];
  readonly #seed: number;
  #serial = 0;

  constructor(schema: TableSchema, seed: number) {
    this.schema = schema;
    this.#seed = seed;
    this.trees = schema.indexes.map(() => new BTree());
  }

  hash(bytes: Uint8Array): number {
    return hashBytes(bytes, this.#seed);
  }

  /** Makes a row out of bytes that were checked; does not add it. */
  newRow(bytes: Buffer, hash = this.hash(bytes)): StoredRow {
    this.#serial += 1;
    return new StoredRow(bytes, hash, this.#serial, this.schema.decoders);
  }

  add(row: StoredRow, keys: readonly string[] = rowKeys(this.schema, row)): void {
    this.rows.add(row);
    for (const [position, tree] of this.trees.entries()) tree.set(keys[position] as string, row);
  }

  delete(row: StoredRow): void {
    if (!this.rows.delete(row)) return;
    const keys = rowKeys(this.schema, row);
    for (const [position, tree] of this.trees.entries()) tree.delete(keys[position] as string);
  }
}

/** The keys of a row in all indexes of its table, by position. */
export function rowKeys(schema: TableSchema, row: StoredRow): string[] {
  if (schema.indexes.length === 0) return [];
  const starts = columnStarts(schema, row.bytes);
  return schema.indexes.map((index) => {
    const key = columnKey(index, row.bytes, starts);
    return index.unique ? key : key + serialSuffix(row.serial);
  });
}

/** The key of the columns of an index, without what keeps equal ones apart. */
export function columnKey(index: IndexSchema, bytes: Uint8Array, starts: readonly number[]): string {
  keyWriter.reset();
  for (const [position, column] of index.columns.entries()) {
    index.encoders[position]?.(bytes, starts[column] as number, keyWriter);
  }
  return keyWriter.text();
}

/** Where each column begins, and at the end where the row ends. @throws {BsatnFault} when the bytes are not a row. */
export function columnStarts(schema: Pick<TableSchema, 'walks'>, bytes: Uint8Array, from = 0): number[] {
  const starts = [from];
  let at = from;
  for (const walk of schema.walks) {
    at = walk(bytes, at);
    starts.push(at);
  }
  return starts;
}

/** A half-open range of keys: `from <= key < to`. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
  /** Whether it is one key with all columns of the index. */
  readonly isWholeKey?: boolean;
}

/** All keys that begin with a prefix of whole columns. */
export function prefixRange(prefix: string): KeyRange {
  return { from: prefix, to: prefix + afterAll };
}

function serialSuffix(serial: number): string {
  const high = Math.floor(serial / 0x1000000);
  return String.fromCharCode(
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    (serial >>> 16) & 0xff,
    (serial >>> 8) & 0xff,
    serial & 0xff,
  );
}
