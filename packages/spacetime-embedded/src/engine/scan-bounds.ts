import { BsatnFault } from './bsatn-walk.ts';
import type { IndexSchema } from './module-schema.ts';
import { afterAll, keyWriter } from './sort-key.ts';
import { type KeyRange, prefixRange } from './table-store.ts';

/** Rows whose first `columns` columns equal the values in `bytes`. @throws {BsatnFault} */
export function pointRange(index: IndexSchema, bytes: Uint8Array, columns = index.columns.length): KeyRange {
  const range = prefixRange(encodeColumns(index, bytes, 0, columns));
  return columns === index.columns.length ? { ...range, isWholeKey: true } : range;
}

/**
 * Reads the arguments of a range scan: values of the first columns, then two bounds on the column after them.
 *
 * @throws {BsatnFault}
 */
export function scanRange(
  index: IndexSchema,
  bytes: Uint8Array,
  prefixLength: number,
  prefixColumns: number,
  startLength: number,
  endLength: number,
): KeyRange {
  if (prefixColumns >= index.columns.length) throw new BsatnFault('the prefix has too many columns');
  const startAt = prefixLength;
  const endAt = startAt + startLength;
  const prefix = encodeColumns(index, bytes.subarray(0, prefixLength), 0, prefixColumns);
  const start = readBound(index, bytes.subarray(startAt, endAt), prefixColumns);
  // No second bound stands for the first one: equality on this column.
  const end = endLength === 0 ? start : readBound(index, bytes.subarray(endAt, endAt + endLength), prefixColumns);
  const from =
    start.kind === 'unbounded'
      ? prefix
      : start.kind === 'included'
        ? prefix + start.key
        : prefix + start.key + afterAll;
  const to =
    end.kind === 'unbounded'
      ? prefix + afterAll
      : end.kind === 'included'
        ? prefix + end.key + afterAll
        : prefix + end.key;
  const isWholeKey =
    prefixColumns + 1 === index.columns.length &&
    start.kind === 'included' &&
    end.kind === 'included' &&
    start.key === end.key;
  return { from, to, isWholeKey };
}

type Bound = { readonly kind: 'unbounded' } | { readonly kind: 'included' | 'excluded'; readonly key: string };

function readBound(index: IndexSchema, bytes: Uint8Array, column: number): Bound {
  switch (bytes[0]) {
    case 0:
      return { kind: 'included', key: encodeColumns(index, bytes.subarray(1), column, 1) };
    case 1:
      return { kind: 'excluded', key: encodeColumns(index, bytes.subarray(1), column, 1) };
    case 2:
      return { kind: 'unbounded' };
    default:
      throw new BsatnFault('a bound has an unknown tag');
  }
}

/** The key of `count` columns beginning with `first`, from values that stand one after the other. */
function encodeColumns(index: IndexSchema, bytes: Uint8Array, first: number, count: number): string {
  let end = 0;
  for (let position = first; position < first + count; position += 1) {
    end = index.walks[position]?.(bytes, end) ?? end;
  }
  keyWriter.reset();
  let at = 0;
  for (let position = first; position < first + count; position += 1) {
    at = index.encoders[position]?.(bytes, at, keyWriter) ?? at;
  }
  return keyWriter.text();
}
