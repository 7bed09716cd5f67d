import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlgebraicType, BinaryWriter } from 'spacetimedb';
import { buildSchema } from '../../src/engine/build-schema.ts';
import { CommittedState } from '../../src/engine/committed-state.ts';
import { describeModule } from '../../src/engine/describe-module.ts';
import type { ModuleSchema } from '../../src/engine/module-schema.ts';
import { translateModule } from '../../src/engine/module-script.ts';
import { decodeRawModule } from '../../src/engine/raw-module.ts';
import { pointRange } from '../../src/engine/scan-bounds.ts';
import { SysError } from '../../src/engine/sys-error.ts';
import type { TableStore } from '../../src/engine/table-store.ts';
import { Transaction } from '../../src/engine/transaction.ts';
import { bundleFixture } from '../support/bundle.ts';
import { propertyRuns } from '../support/property-runs.ts';

interface Item {
  readonly id: bigint;
  readonly code: string;
  readonly owner: string;
  readonly rank: number;
  readonly tag: string;
}

let schema: ModuleSchema;

beforeAll(async () => {
  const bytes = await bundleFixture('everything.ts');
  const raw = describeModule(await translateModule(bytes));
  schema = buildSchema(decodeRawModule(raw), raw, bytes);
});

// Few different rows, so that equal ones and clashing keys are common.
const item: fc.Arbitrary<Item> = fc.record({
  id: fc.bigInt({ min: 1n, max: 4n }),
  code: fc.constantFrom('a', 'b', 'c'),
  owner: fc.constantFrom('x', 'xy'),
  rank: fc.constantFrom(-1, 1),
  tag: fc.constant(''),
});
const step = fc.record({ kind: fc.constantFrom('insert', 'insert', 'update', 'delete', 'delete-row', 'clear'), item });
const script = fc.array(fc.record({ steps: fc.array(step, { maxLength: 12 }), commits: fc.boolean() }), {
  minLength: 1,
  maxLength: 6,
});

function bytesOf(store: TableStore, row: Item): Buffer {
  const writer = new BinaryWriter(64);
  AlgebraicType.makeSerializer(AlgebraicType.Product(store.schema.definition.rowType))(writer, row);
  return Buffer.from(writer.getBuffer());
}

function valuesOf(row: Item): readonly unknown[] {
  return [row.id, row.code, row.owner, row.rank, row.tag];
}

/** The table as a plain list; gives the name of the error, if any. */
class Model {
  rows: Item[] = [];

  apply(kind: string, row: Item): string | number | undefined {
    const same = this.rows.find((other) => isSame(other, row));
    const byId = this.rows.find(({ id }) => id === row.id);
    switch (kind) {
      case 'insert':
        if (same !== undefined) return undefined;
        if (this.rows.some(({ id, code }) => id === row.id || code === row.code)) return 'uniqueAlreadyExists';
        this.rows = [...this.rows, row];
        return undefined;
      case 'update':
        if (byId === undefined) return 'noSuchRow';
        if (this.rows.some((other) => other !== byId && other.code === row.code)) return 'uniqueAlreadyExists';
        this.rows = this.rows.map((other) => (other === byId ? row : other));
        return undefined;
      case 'delete':
        this.rows = this.rows.filter((other) => other !== byId);
        return undefined;
      case 'delete-row':
        this.rows = this.rows.filter((other) => other !== same);
        return undefined;
      default:
        this.rows = [];
        return undefined;
    }
  }
}

function isSame(a: Item, b: Item): boolean {
  return valuesOf(a).join('|') === valuesOf(b).join('|');
}

function apply(tx: Transaction, store: TableStore, kind: string, row: Item): string | undefined {
  const bytes = bytesOf(store, row);
  const byId = store.schema.indexes.find(({ columns }) => columns.join() === '0');
  if (byId === undefined) throw new Error('no index');
  try {
    if (kind === 'insert') tx.insert(store, bytes);
    else if (kind === 'update') tx.update(store, byId, bytes);
    else {
      const rows =
        kind === 'delete'
          ? tx.range(store, byId, pointRange(byId, bytes, 1))
          : kind === 'delete-row'
            ? [tx.find(store, bytes)]
            : tx.scan(store);
      for (const found of rows) if (found !== undefined) tx.delete(store, found);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return error.errno === 12 ? 'uniqueAlreadyExists' : error.errno === 15 ? 'noSuchRow' : `errno ${error.errno}`;
  }
}

const sorted = (rows: Iterable<readonly unknown[]>): string[] => [...rows].map((row) => row.join('|')).sort();

test('E1, E2, E3: transactions do to a table what a plain list says, and report the net difference', () => {
  fc.assert(
    fc.property(script, (transactions) => {
      const state = new CommittedState(schema, 7);
      const store = state.stores.find((candidate) => candidate.schema.definition.name === 'item') as TableStore;
      const byRank = store.schema.indexes.find(({ columns }) => columns.length === 2);
      if (byRank === undefined) throw new Error('no index');
      let committed: Item[] = [];
      for (const { steps, commits } of transactions) {
        const tx = new Transaction();
        const model = new Model();
        model.rows = committed;
        for (const { kind, item: row } of steps) {
          const seen = [
            apply(tx, store, kind, row),
            tx.count(store),
            ...sorted(tx.scan(store).map(({ values }) => values)),
          ];
          // One expect a step: they cost more than the steps.
          expect(seen.join('\n')).toBe(
            [model.apply(kind, row), model.rows.length, ...sorted(model.rows.map(valuesOf))].join('\n'),
          );
        }
        const changes = tx.changes();
        const before = new Set(committed.map((row) => valuesOf(row).join('|')));
        const after = new Set(model.rows.map((row) => valuesOf(row).join('|')));
        const inserts = changes.flatMap((change) => change.inserts.map(({ values }) => values));
        const deletes = changes.flatMap((change) => change.deletes.map(({ values }) => values));
        expect(sorted(inserts)).toEqual([...after].filter((row) => !before.has(row)).sort());
        expect(sorted(deletes)).toEqual([...before].filter((row) => !after.has(row)).sort());
        if (commits) {
          state.apply(changes);
          committed = model.rows;
        }
        expect(sorted([...store.rows].map(({ values }) => values))).toEqual(sorted(committed.map(valuesOf)));
        const inOrder = [...(store.trees[byRank.position]?.range('', '\uffff') ?? [])].map(({ values }) => values);
        expect(sorted(inOrder)).toEqual(sorted(committed.map(valuesOf)));
        const places = inOrder.map((row) => `${row[2]}\0${(row[3] as number) + 5}`);
        expect(places).toEqual([...places].sort());
      }
    }),
    propertyRuns(),
  );
});
