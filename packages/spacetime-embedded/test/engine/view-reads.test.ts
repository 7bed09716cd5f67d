import { propertyRuns } from '@autopilot/testing/property-runs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Identity } from 'spacetimedb';
import type { TableDefinition } from '../../src/engine/database.ts';
import { bundleText } from '../support/bundle.ts';
import { ann, bob, DatabaseDriver } from './database-driver.ts';

const source = `
import { Range, schema, t, table } from 'spacetimedb/server';
const note = table(
  { public: true, indexes: [{ accessor: 'byOwnerRank', algorithm: 'btree', columns: ['owner', 'rank'] }] },
  { id: t.u32().primaryKey(), owner: t.identity().index('btree'), rank: t.i32() },
);
const link = table({ public: true }, { owner: t.identity().primaryKey(), to: t.u32() });
const s = schema({ note, link });
export default s;
export const put = s.reducer(note.rowType.row, (ctx, row) => { ctx.db.note.insert({ ...row }); });
export const replace = s.reducer(note.rowType.row, (ctx, row) => { ctx.db.note.id.update({ ...row }); });
export const remove = s.reducer({ id: t.u32() }, (ctx, { id }) => { ctx.db.note.id.delete(id); });
export const point = s.reducer({ to: t.u32() }, (ctx, { to }) => {
  ctx.db.link.owner.delete(ctx.sender);
  ctx.db.link.insert({ owner: ctx.sender, to });
});
const rows = t.array(note.rowType);
const view = (read) => s.view({ public: true }, rows, (ctx) => { console.log('ran'); return [...read(ctx)]; });
export const own = view((ctx) => ctx.db.note.owner.filter(ctx.sender));
export const pair = view((ctx) => ctx.db.note.byOwnerRank.filter([ctx.sender, 1]));
export const prefix = view((ctx) => ctx.db.note.byOwnerRank.filter(ctx.sender));
export const range = view((ctx) =>
  ctx.db.note.byOwnerRank.filter([ctx.sender, new Range({ tag: 'included', value: 1 }, { tag: 'unbounded' })]));
export const all = view((ctx) => ctx.db.note.iter());
export const counted = view((ctx) => ctx.db.note.count() > 100n ? [] : []);
/** Which note it shows is said by another row. */
export const linked = view((ctx) => {
  const to = ctx.db.link.owner.find(ctx.sender)?.to;
  const found = to === undefined ? undefined : ctx.db.note.id.find(to);
  return found ? [found] : [];
});
`;

let module: Uint8Array;
let db: DatabaseDriver;

beforeAll(async () => {
  module = await bundleText(source);
});
beforeEach(async () => {
  db = await DatabaseDriver.open(module);
});
afterEach(() => db.database.close());

const carol = 'cc'.repeat(32);
const note = (id: number, owner: string, rank = 0) => ({ id, owner: new Identity(BigInt(`0x${owner}`)), rank });

function view(name: string): TableDefinition {
  const found = db.database.definition.tables.get(name);
  if (found === undefined) throw new Error(`no view ${name}`);
  return found;
}

/** How often views ran while something was done. */
function runs(act: () => void): number {
  const count = () => db.database.logs(10_000).length;
  const before = count();
  act();
  return count() - before;
}

function put(id: number, owner: string, rank = 0): void {
  expect(db.call('put', note(id, owner, rank)).outcome).toBe('committed');
}

describe('E15 a commit runs the views that have read what it changes', () => {
  test('E15 and not those of other senders, however many there are', () => {
    const senders = Array.from({ length: 200 }, (_, n) => n.toString(16).padStart(64, '0'));
    for (const sender of senders) db.database.holdView(view('own'), sender);
    expect(runs(() => put(1, carol))).toBe(0);
    expect(runs(() => put(2, senders[7] ?? ''))).toBe(1);
    expect(runs(() => db.call('replace', note(2, senders[8] ?? '')))).toBe(2);
    expect(runs(() => db.call('remove', { id: 2 }))).toBe(1);
    expect(runs(() => db.call('remove', { id: 1 }))).toBe(0);
  });

  test.each([
    ['own', 'a key of one column', 0, 1, 1],
    ['pair', 'a key of two columns', 0, 0, 1],
    ['prefix', 'the first column of an index of two', 1, 1, 1],
    ['range', 'a range', 1, 1, 1],
    ['all', 'a scan', 1, 1, 1],
    ['counted', 'a count', 1, 1, 1],
  ])('E15 %s, which reads %s', (name, _, foreign, otherRank, exact) => {
    db.database.holdView(view(name), ann);
    expect(runs(() => put(1, bob))).toBe(foreign);
    expect(runs(() => put(2, ann, 0))).toBe(otherRank);
    expect(runs(() => put(3, ann, 1))).toBe(exact);
    expect(runs(() => db.call('point', { to: 1 }))).toBe(0);
  });

  test('E15 also when what it reads is said by what it has read', () => {
    put(1, bob);
    put(2, bob);
    db.database.holdView(view('linked'), ann);
    expect(runs(() => db.call('replace', note(1, bob, 5)))).toBe(0);
    expect(runs(() => db.call('point', { to: 1 }))).toBe(1);
    expect(runs(() => db.call('replace', note(1, bob, 6)))).toBe(1);
    expect(runs(() => db.call('point', { to: 2 }))).toBe(1);
    expect(runs(() => db.call('replace', note(1, bob, 7)))).toBe(0);
    expect([...db.database.rows(view('linked'), ann)].map(({ values }) => values[0])).toEqual([2]);
  });

  test('E15 and nothing is left of a view that nobody holds', () => {
    const releases = [1, 2].map(() => db.database.holdView(view('own'), ann));
    expect(runs(() => put(1, ann))).toBe(1);
    for (const release of releases) release();
    expect(runs(() => put(2, ann))).toBe(0);
  });
});

test('E8 E15 whatever is changed, held views show what they would show anew', () => {
  const names = ['own', 'pair', 'prefix', 'range', 'all', 'linked'];
  const id = fc.integer({ min: 0, max: 4 });
  const owner = fc.constantFrom(ann, bob, carol);
  const change = fc.oneof(
    fc.tuple(id, owner, fc.integer({ min: 0, max: 2 })).map(([n, who, rank]) => () => {
      if (db.call('replace', note(n, who, rank)).outcome !== 'committed') db.call('put', note(n, who, rank));
    }),
    id.map((n) => () => void db.call('remove', { id: n })),
    fc.tuple(id, owner).map(
      ([to, identity]) =>
        () =>
          void db.call('point', { to }, { identity }),
    ),
  );
  const shown = (name: string, who: string) =>
    [...db.database.rows(view(name), who)].map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort();
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const viewers = [ann, bob].flatMap((who) => names.map((name) => ({ name, who })));
      const releases = viewers.map(({ name, who }) => db.database.holdView(view(name), who));
      for (const run of changes) run();
      const held = viewers.map(({ name, who }) => shown(name, who));
      for (const release of releases) release();
      const anew = viewers.map(({ name, who }) => {
        const release = db.database.holdView(view(name), who);
        const rows = shown(name, who);
        release();
        return rows;
      });
      expect(held).toEqual(anew);
    }),
    propertyRuns(60),
  );
}, 30_000);
