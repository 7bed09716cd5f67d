import { propertyRuns } from '@autopilot/testing/property-runs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlgebraicType, BinaryWriter } from 'spacetimedb';
import { buildSchema } from '../../src/engine/build-schema.ts';
import { CommittedState } from '../../src/engine/committed-state.ts';
import { describeModule } from '../../src/engine/describe-module.ts';
import { translateModule } from '../../src/engine/module-script.ts';
import { camelCase, snakeCase } from '../../src/engine/names.ts';
import { decodeRawModule } from '../../src/engine/raw-module.ts';
import { pointRange } from '../../src/engine/scan-bounds.ts';
import { SysError } from '../../src/engine/sys-error.ts';
import type { TableStore } from '../../src/engine/table-store.ts';
import { Transaction } from '../../src/engine/transaction.ts';
import { bundleFixture } from '../support/bundle.ts';
import { ann, DatabaseDriver, owner } from './database-driver.ts';

let module: Uint8Array;
let db: DatabaseDriver;

beforeAll(async () => {
  module = await bundleFixture('everything.ts');
});
beforeEach(async () => {
  db = await DatabaseDriver.open(module);
});
afterEach(async () => {
  await db.database.close();
});

function addItems(): void {
  const ranks = [3, -2, 2, 0, 2];
  for (const [index, rank] of ranks.entries()) {
    db.call('add_item', { id: 0n, code: `c${index}`, owner: 'ann', rank, tag: index % 2 === 0 ? 'red' : 'blue' });
  }
  db.call('add_item', { id: 0n, code: 'other', owner: 'anna', rank: 2, tag: 'red' });
}

describe('tables', () => {
  test('names are canonical outside and of the source inside', () => {
    const note = db.database.definition.tables.get('note');
    expect(note?.columns.map(({ name, accessor }) => [name, accessor])).toEqual([
      ['text', 'text'],
      ['player_1_score', 'player1Score'],
    ]);
    expect([...db.database.definition.reducers.keys()]).toContain('add_item');
    expect(db.call('addItem').outcome).toBe('internal');
  });

  test('auto-increment counts from one, fills in zeros only and writes the value back', () => {
    addItems();
    expect(db.said().slice(1)).toEqual(['item 1', 'item 2', 'item 3', 'item 4', 'item 5', 'item 6']);
    expect(db.call('add_item', { id: 70n, code: 'x', owner: 'x', rank: 0, tag: '' }).outcome).toBe('committed');
    db.call('add_item', { id: 0n, code: 'y', owner: 'x', rank: 0, tag: '' });
    expect(db.said().at(-1)).toBe('item 7');
  });

  test('an index knows how many different values it has, of equal rows too', () => {
    const distinct = (...columns: number[]) => {
      const item = db.database.definition.tables.get('item');
      return item === undefined ? undefined : db.database.distinctKeys(item, columns);
    };
    expect([distinct(0), distinct(2, 3), distinct(4)]).toEqual([0, 0, 0]);
    addItems();
    // By id, by owner and rank, by tag; by the owner alone there is no index.
    expect([distinct(0), distinct(2, 3), distinct(4), distinct(2)]).toEqual([6, 5, 2, undefined]);
    db.call('delete_item', { id: 6n });
    expect([distinct(0), distinct(2, 3), distinct(4)]).toEqual([5, 4, 2]);
  });

  test('a narrow auto-increment column is cut off, and then collides', () => {
    expect(db.call('fill_tiny', { count: 255, text: 'a' }).outcome).toBe('committed');
    expect(db.values('tiny')).toHaveLength(255);
    // 256 is cut to 0, which is free, and 257 to 1, which is taken.
    expect(db.call('fill_tiny', { count: 1, text: 'b' }).outcome).toBe('committed');
    expect(db.call('fill_tiny', { count: 1, text: 'c' }).outcome).toBe('internal');
    expect(db.values('tiny')).toHaveLength(256);
  });

  test('E7: a rollback gives no sequence values back', () => {
    db.call('probe', { what: 'fail' });
    addItems();
    expect(db.said()).toContain('item 2');
    expect(db.said()).not.toContain('item 1');
  });

  test('a btree serves prefixes, ranges and points in key order', () => {
    addItems();
    expect(db.probe('prefix')).toBe('c1,c3,c2,c4,c0');
    expect(db.probe('range')).toBe('c3,c2,c4');
    expect(db.probe('point')).toBe('c2,c4');
    expect(db.probe('hash')).toBe('c0,c2,c4,other');
    expect(db.probe('count')).toBe('6 6');
  });

  test('rows of the running transaction come first in index scans', () => {
    addItems();
    expect(db.probe('own-first')).toBe('own,c1,c3,c2,c4,c0');
  });

  test('delete by range and clear count what they remove', () => {
    addItems();
    expect(db.probe('delete-range')).toBe('3');
    expect(
      db
        .values('item')
        .map((row) => row[1])
        .sort(),
    ).toEqual(['c1', 'c3', 'other']);
    expect(db.probe('clear')).toBe('3');
    expect(db.values('item')).toEqual([]);
    addItems();
    expect(db.probe('prefix')).toBe('c1,c3,c2,c4,c0');
  });

  test('E3: a table is a set: an identical row changes nothing', () => {
    expect(db.probe('same-twice')).toBe('1');
    expect(db.probe('same-twice')).toBe('1');
    expect(db.probe('delete-row')).toBe('true');
    expect(db.probe('delete-row')).toBe('false');
    expect(db.values('note')).toEqual([]);
  });

  test('E2: deleting a row and adding it again leaves no trace', () => {
    db.probe('same-twice');
    const before = db.commits.length;
    expect(db.call('probe', { what: 'cancel-out' }).outcome).toBe('committed');
    expect(db.commits).toHaveLength(before);
    expect(db.values('note')).toHaveLength(1);
  });

  test('E3: a unique violation can be caught and leaves the transaction usable', () => {
    expect(db.probe('catch-unique')).toBe('UniqueAlreadyExists true');
    expect(db.values('item')).toHaveLength(1);
    const again = db.call('add_item', { id: 0n, code: 'dup', owner: 'q', rank: 0, tag: '' });
    expect(again.outcome).toBe('internal');
    expect(db.values('item')).toHaveLength(1);
  });

  test('a key that was freed in the same transaction can be used again', () => {
    db.probe('own-first');
    expect(db.call('probe', { what: 'free-key' }).outcome).toBe('committed');
    expect(db.values('item')).toEqual([[expect.any(BigInt), 'own', 'ann', 5, 'x']]);
    const change = db.commits.at(-1)?.tables.find(({ table }) => table.name === 'item');
    expect(change?.inserts).toHaveLength(1);
    expect(change?.deletes).toHaveLength(1);
  });

  test('E2: update goes by the primary key and reports one delete and one insert', () => {
    addItems();
    const row = { id: 2n, code: 'c1', owner: 'ann', rank: 50, tag: 'green' };
    expect(db.call('update_item', row).outcome).toBe('committed');
    const change = db.commits.at(-1)?.tables[0];
    expect(change?.deletes.map(({ values }) => values)).toEqual([[2n, 'c1', 'ann', -2, 'blue']]);
    expect(change?.inserts.map(({ values }) => values)).toEqual([[2n, 'c1', 'ann', 50, 'green']]);
    expect(db.probe('prefix')).toBe('c3,c2,c4,c0,c1');
    const before = db.commits.length;
    expect(db.call('update_item', row).outcome).toBe('committed');
    expect(db.commits).toHaveLength(before);
    expect(db.call('update_item', { ...row, id: 99n }).outcome).toBe('internal');
    expect(db.call('update_item', { ...row, code: 'c2' }).outcome).toBe('internal');
    expect(db.database.logs(10).at(-1)?.message).toContain('UniqueAlreadyExists');
  });

  test('E1: every throw rolls everything back', () => {
    const before = db.commits.length;
    const failed = db.call('probe', { what: 'fail' });
    expect(failed).toMatchObject({ outcome: 'failed', message: 'as you wish' });
    const trapped = db.call('probe', { what: 'trap' });
    expect(trapped).toMatchObject({ outcome: 'internal', kind: 'trap' });
    expect(JSON.stringify(trapped, (_, value) => (typeof value === 'bigint' ? `${value}` : value))).not.toContain(
      'secret',
    );
    expect(db.database.logs(5).at(-1)?.message).toContain('a secret detail');
    expect(db.commits).toHaveLength(before);
    expect([db.values('note'), db.values('item')]).toEqual([[], []]);
  });

  test('E4: an event is seen in its own transaction, told once and never stored', () => {
    expect(db.probe('event')).toBe('1');
    const change = db.commits.at(-1)?.tables.find(({ table }) => table.isEvent);
    expect(change?.inserts).toHaveLength(1);
    expect(change?.inserts[0]?.values[1]).toBe('hello');
    expect(change?.deletes).toEqual([]);
    expect(db.values('ping')).toEqual([]);
    expect(db.probe('event-count')).toBe('0');
  });

  test('rows larger than the buffer of the module, and more rows than it holds, come through', () => {
    expect(db.probe('big')).toBe('200000');
    expect(db.probe('many')).toBe('3000');
  });

  test('rows can be read by a column, where an index begins with it', () => {
    addItems();
    const item = db.database.definition.tables.get('item');
    if (item === undefined) throw new Error('no table');
    const key = (text: string): Uint8Array => Buffer.concat([Buffer.from([text.length, 0, 0, 0]), Buffer.from(text)]);
    const codes = (column: number, text: string): unknown =>
      [...(db.database.rowsByColumn(item, column, key(text)) ?? [])].map((row) => row.values[1]);
    expect(codes(2, 'ann')).toEqual(['c1', 'c3', 'c2', 'c4', 'c0']);
    expect(codes(2, 'an')).toEqual([]);
    expect(codes(4, 'blue')).toEqual(['c1', 'c3']);
    expect(codes(1, 'other')).toEqual(['other']);
    expect(db.database.rowsByColumn(item, 3, new Uint8Array(4))).toBeUndefined();
  });
});

describe('calls', () => {
  test('bad arguments, unknown and private reducers are told apart', () => {
    const kindOf = (name: string, args: Uint8Array, identity = ann): unknown => {
      const result = db.database.callReducer(name, args, { identity, connectionId: undefined });
      return result.outcome === 'internal' ? result.kind : result.outcome;
    };
    expect(kindOf('nope', new Uint8Array())).toBe('no-such-reducer');
    expect(kindOf('totals', new Uint8Array())).toBe('no-such-reducer');
    expect(kindOf('delete_item', new Uint8Array(7))).toBe('bad-arguments');
    expect(kindOf('probe', Uint8Array.of(2, 0, 0, 0, 0xc3, 0x28))).toBe('bad-arguments');
    expect(kindOf('init', new Uint8Array(), owner)).toBe('not-callable');
    expect(kindOf('tick', new Uint8Array())).toBe('no-such-reducer');
  });

  test('the init reducer ran as the owner', () => {
    expect(db.said()).toEqual([`init by ${owner}`]);
  });

  test('the realm has no timers, network or chance, and its own classes', () => {
    expect(db.probe('globals')).toBe('false,false,false,false,undefined,true,é');
  });

  test('globals of the module do not survive a trap', () => {
    expect([db.probe('remember'), db.probe('remember')]).toEqual(['1', '2']);
    db.call('probe', { what: 'fail' });
    expect(db.probe('remember')).toBe('3');
    db.call('probe', { what: 'trap' });
    expect(db.probe('remember')).toBe('1');
  });

  test('the console of the module goes to its log, and not to ours', () => {
    const mine = console;
    db.call('probe', { what: 'log' });
    expect(console).toBe(mine);
    expect(db.database.logs(1)).toEqual([{ ts: expect.any(BigInt), level: 'warn', message: 'look { a: 1 }' }]);
  });

  test('a listener that calls back is refused, and the commit stands', () => {
    let thrown: unknown;
    const stop = db.database.onCommit(() => {
      try {
        db.call('probe', { what: 'log' });
      } catch (error) {
        thrown = error;
      }
    });
    db.probe('same-twice');
    stop();
    expect(thrown).toMatchObject({ code: 'reentrant_call' });
    expect(db.values('note')).toHaveLength(1);
  });
});

test('a fresh realm per call and shuffled scans can be asked for', async () => {
  const other = await DatabaseDriver.open(module, { fidelity: { freshRealmPerCalls: 2, shuffleScans: true } });
  // The first call of the first realm was init.
  expect([other.probe('remember'), other.probe('remember'), other.probe('remember')]).toEqual(['1', '1', '2']);
  expect(other.probe('many')).toBe('3000');
  await other.database.close();
});

interface Item {
  readonly id: bigint;
  readonly code: string;
  readonly owner: string;
  readonly rank: number;
  readonly tag: string;
}

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

test('E1, E2, E3: transactions do to a table what a plain list says, and report the net difference', async () => {
  const raw = describeModule(await translateModule(module));
  const schema = buildSchema(decodeRawModule(raw), raw, module);
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

describe('names', () => {
  test.each([
    ['Player1', 'player_1'],
    ['roomId', 'room_id'],
    ['live_inbox', 'live_inbox'],
    ['HTTPServer', 'http_server'],
    ['sha256Hash', 'sha_256_hash'],
    ['player2D', 'player_2_d'],
    ['a-b c', 'a_b_c'],
    ['__x__', 'x'],
    ['ÄrgerGroß', 'ärger_groß'],
  ])('%s is %s', (source, canonical) => {
    expect(snakeCase(source)).toBe(canonical);
  });

  test('variants are camel case', () => {
    expect(['Red', 'DarkRed', 'dark_red', 'RGB'].map(camelCase)).toEqual(['red', 'darkRed', 'darkRed', 'rgb']);
  });
});
