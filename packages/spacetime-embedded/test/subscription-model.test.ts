import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { identityOf } from '../src/auth/identity.ts';
import type { Subscriber } from '../src/subscription/subscriber.ts';
import { Subscriptions } from '../src/subscription/subscriptions.ts';
import { inboxModule } from './support/inbox-module.ts';
import { MemoryDatabase, type Transaction } from './support/memory-database.ts';
import { propertyRuns } from './support/property-runs.ts';
import { type SeenRows, type SeenUpdate, serverMessages } from './support/server-messages.ts';

const texts = [
  'SELECT * FROM player',
  "SELECT * FROM player WHERE team = 'a'",
  "SELECT * FROM player WHERE team = 'a' AND score > 1",
  "SELECT * FROM player WHERE score <= 1 OR team <> 'b'",
  'SELECT p.* FROM player p JOIN team t ON p.team = t.name',
  'SELECT t.* FROM player p JOIN team t ON p.team = t.name WHERE p.score > 0',
  'SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.open = true AND p.score > 1',
  "SELECT p.* FROM player p JOIN player q ON p.team = q.team WHERE q.score = 0 AND p.team <> 'c'",
];

/** A client that keeps a bag of rows, as the official one keeps reference counts. */
class Cache implements Subscriber {
  readonly identity = identityOf('test', 'cache');
  readonly isOwner = false;
  readonly rows = new Map<string, number>();
  messages = 0;

  send(bytes: Uint8Array): void {
    for (const message of serverMessages(bytes)) {
      this.messages += 1;
      if (message.type === 'SubscribeApplied') this.snapshot(message.rows);
      else if (message.type === 'TransactionUpdate') this.apply(message.sets);
      else throw new Error(message.type);
    }
  }

  get contents(): Record<string, number> {
    return Object.fromEntries([...this.rows].sort());
  }

  private snapshot(tables: readonly SeenRows[]): void {
    for (const { table, rows } of tables) for (const row of rows) this.count(table, row, 1);
  }

  private apply(sets: readonly SeenUpdate[]): void {
    if (sets.length === 0) throw new Error('an empty update');
    for (const { table, parts } of sets.flatMap((set) => set.tables)) {
      for (const part of parts) {
        if ('events' in part) throw new Error('an event of a table');
        if (part.inserts.length + part.deletes.length === 0) throw new Error('an empty part');
        for (const row of part.inserts) this.count(table, row, 1);
        for (const row of part.deletes) this.count(table, row, -1);
      }
    }
  }

  private count(table: string, row: string, change: number): void {
    const next = (this.rows.get(table + row) ?? 0) + change;
    if (next < 0) throw new Error('a row was deleted more often than it was inserted');
    if (next === 0) this.rows.delete(table + row);
    else this.rows.set(table + row, next);
  }
}

const team = fc.constantFrom('a', 'b', 'c');
const small = fc.integer({ min: 0, max: 3 });
type Change = (tx: Transaction) => void;
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(small, team, small).map(
    ([id, name, score]): Change =>
      (tx) => {
        tx.delete('player', (row) => row[0] === id);
        tx.insert('player', id, name, BigInt(score));
      },
  ),
  small.map(
    (id): Change =>
      (tx) =>
        tx.delete('player', (row) => row[0] === id),
  ),
  fc.tuple(team, fc.boolean()).map(
    ([name, open]): Change =>
      (tx) => {
        tx.delete('team', (row) => row[0] === name);
        tx.insert('team', name, open);
      },
  ),
  team.map(
    (name): Change =>
      (tx) =>
        tx.delete('team', (row) => row[0] === name),
  ),
);

test('S12 what updates make of the first snapshot is what a new snapshot gives', () => {
  fc.assert(
    fc.property(
      fc.subarray(texts, { minLength: 1 }),
      fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
      fc.nat(6),
      (queries, transactions, subscribeAt) => {
        const database = new MemoryDatabase(identityOf('test', 'owner'), inboxModule);
        const subscriptions = new Subscriptions(database);
        const cache = new Cache();
        transactions.forEach((changes, index) => {
          if (index === Math.min(subscribeAt, transactions.length - 1)) subscriptions.subscribe(cache, 1, 1, queries);
          database.transact((tx) => {
            for (const run of changes) run(tx);
          });
        });
        const fresh = new Cache();
        subscriptions.subscribe(fresh, 2, 1, queries);
        expect(cache.contents).toEqual(fresh.contents);
      },
    ),
    propertyRuns(100),
  );
});
