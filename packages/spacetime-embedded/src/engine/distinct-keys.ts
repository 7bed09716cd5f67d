import { columnKey, columnStarts, prefixRange, type TableStore } from './table-store.ts';

/** How many different values the columns of an index have; undefined where no index is over exactly these. */
export function distinctKeys({ schema, rows, trees }: TableStore, columns: readonly number[]): number | undefined {
  const index = schema.indexes.find((candidate) => candidate.columns.join() === columns.join());
  const tree = index && trees[index.position];
  if (index === undefined || tree === undefined) return undefined;
  if (index.unique) return rows.size;
  let count = 0;
  // From each value straight to the next one: what it costs does not grow with the rows that are equal.
  const everything = prefixRange('');
  for (let next: string | undefined = everything.from; next !== undefined; ) {
    const [first] = tree.range(next, everything.to);
    if (first === undefined) break;
    count += 1;
    next = prefixRange(columnKey(index, first.bytes, columnStarts(schema, first.bytes))).to;
  }
  return count;
}
