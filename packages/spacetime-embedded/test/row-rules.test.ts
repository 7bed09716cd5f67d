import { beforeEach, describe, expect, test } from '@jest/globals';
import { Identity, t } from 'spacetimedb';
import { identityOf } from '../src/auth/identity.ts';
import { runStatement } from '../src/sql/statement.ts';
import { compileSubscription } from '../src/sql/subscription-query.ts';
import { currentRows } from '../src/subscription/delta.ts';
import { MemoryDatabase } from './support/memory-database.ts';

const [owner, alice, bob] = ['owner', 'alice', 'bob'].map((name) => identityOf('test', name)) as [
  string,
  string,
  string,
];
const id = (identity: string) => new Identity(BigInt(`0x${identity}`));
const columns = { id: t.u32(), author: t.identity(), shown: t.bool() };

let database: MemoryDatabase;

beforeEach(() => {
  database = new MemoryDatabase(owner, {
    tables: {
      post: { columns, primaryKey: 'id' },
      paper: { columns, primaryKey: 'id' },
      plain: { columns, primaryKey: 'id', indexes: ['author'] },
    },
    rules: [
      'SELECT p.* FROM post p WHERE p.shown = TRUE OR author = :sender',
      'SELECT * FROM paper WHERE author = :sender',
      'SELECT * FROM paper WHERE shown = TRUE',
    ],
  });
  database.transact((tx) => {
    for (const table of ['post', 'paper', 'plain']) {
      tx.insert(table, 1, id(alice), false);
      tx.insert(table, 2, id(alice), true);
      tx.insert(table, 3, id(bob), false);
    }
  });
});

const compiled = (identity: string, text: string) =>
  compileSubscription(database.definition, { identity, isOwner: identity === owner }, text);
const seen = (identity: string, text: string) =>
  compiled(identity, text)
    .flatMap((query) => currentRows(database, query))
    .map(([first]) => first);
const sql = (identity: string, text: string) =>
  runStatement(
    Object.assign(Object.create(database), { write: () => 'no' }),
    { identity, isOwner: identity === owner },
    text,
  ).rows;

describe('row rules', () => {
  test('S9 of any condition keep rows from others, whatever a query asks', () => {
    expect(seen(alice, 'SELECT * FROM post')).toEqual([1, 2]);
    expect(seen(bob, 'SELECT * FROM post')).toEqual([2, 3]);
    expect(seen(bob, 'SELECT * FROM post WHERE id = 1 OR id > 0')).toEqual([2, 3]);
    expect(seen(owner, 'SELECT * FROM post')).toEqual([1, 2, 3]);
    expect(seen(bob, 'SELECT * FROM *')).toEqual([2, 3, 3, 2, 1, 2, 3]);
    expect(sql(bob, 'SELECT id FROM post')).toEqual([[2], [3]]);
    expect(sql(bob, 'SELECT COUNT(*) AS n FROM post')).toEqual([[2n]]);
  });

  test('S9 add up: what two let through comes twice', () => {
    expect(seen(alice, 'SELECT * FROM paper')).toEqual([1, 2, 2]);
    expect(seen(bob, 'SELECT * FROM paper')).toEqual([3, 2]);
    expect(sql(alice, 'SELECT id FROM paper LIMIT 2')).toEqual([[1], [2]]);
    expect(sql(alice, 'SELECT COUNT(*) AS n FROM paper')).toEqual([[3n]]);
  });

  test('S9 hold for each table of a join, under the alias of the query', () => {
    const text = 'SELECT b.* FROM post b JOIN plain p ON b.author = p.author WHERE p.id = 3';
    expect([seen(alice, text), seen(bob, text)]).toEqual([[], [3]]);
    expect(sql(bob, 'SELECT p.id FROM plain p JOIN paper shown ON p.id = shown.id')).toEqual([[3], [2]]);
    expect(sql(bob, 'SELECT a.id FROM plain a JOIN plain b ON a.id = b.id JOIN post c ON b.id = c.id')).toEqual([
      [2],
      [3],
    ]);
  });

  test('S9 make a query personal only when they ask who reads', () => {
    const personal = (text: string) => compiled(bob, text).map(({ isPersonal }) => isPersonal);
    expect([personal('SELECT * FROM plain'), personal('SELECT * FROM post')]).toEqual([[false], [true]]);
  });

  test.each([
    ['SELECT p.* FROM plain p JOIN post b ON p.author = b.author', alice],
    ['SELECT p.* FROM plain p JOIN paper b ON p.id = b.id', alice],
    ['SELECT p.* FROM plain p JOIN paper b ON p.shown = b.shown', owner],
  ])('Q1 the subscription %s is refused', (text, identity) => {
    expect(() => compiled(identity, text)).toThrow('Subscriptions require indexes on join columns');
  });
});
