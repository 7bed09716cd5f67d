import { propertyRuns } from '@autopilot/testing/property-runs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AlgebraicType, Identity, t } from 'spacetimedb';
import { identityOf } from '../src/auth/identity.ts';
import { type Seen, type SeenRows, type SeenUpdate, serverMessages } from '../src/conformance/server-messages.ts';
import type { Subscriber } from '../src/subscription/subscriber.ts';
import { QuerySetInUse, Subscriptions } from '../src/subscription/subscriptions.ts';
import { inboxModule } from './support/inbox-module.ts';
import { encode, MemoryDatabase, type Transaction } from './support/memory-database.ts';

const owner = identityOf('test', 'owner');
const alice = identityOf('test', 'alice');
const bob = identityOf('test', 'bob');

class Client implements Subscriber {
  readonly identity: string;
  readonly isOwner: boolean;
  readonly seen: Seen[] = [];

  constructor(identity: string) {
    this.identity = identity;
    this.isOwner = identity === owner;
  }

  send(message: Uint8Array): void {
    this.seen.push(...serverMessages(message));
  }

  take(): Seen[] {
    return this.seen.splice(0);
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const id = (identity: string) => new Identity(BigInt(`0x${identity}`));
const typeOf = (table: keyof typeof inboxModule.tables) =>
  t.row('r', inboxModule.tables[table]?.columns as never).algebraicType as AlgebraicType;
const player = (playerId: number, team: string, score: bigint) =>
  hex(encode(typeOf('player'), { id: playerId, team, score }));
const inbox = (recipient: string, stream_id: string, seq: bigint) =>
  hex(encode(typeOf('live_inbox'), { recipient: id(recipient), stream_id, seq }));
const note = (recipient: string, text: string) => hex(encode(typeOf('note'), { recipient: id(recipient), text }));

let database: MemoryDatabase;
let subscriptions: Subscriptions;
let a: Client;
let b: Client;

beforeEach(() => {
  database = new MemoryDatabase(owner, inboxModule);
  subscriptions = new Subscriptions(database);
  a = new Client(alice);
  b = new Client(bob);
});

const addPlayer = (playerId: number, team: string, score = 0n, request?: object) =>
  database.transact((tx) => tx.insert('player', playerId, team, score), request);

describe('snapshots', () => {
  test('S1 hold the rows of each query, tables without rows left out, and carry the request id', () => {
    addPlayer(1, 'red');
    subscriptions.subscribe(a, 7, 3, ['SELECT * FROM player', 'SELECT * FROM team']);
    expect(a.take()).toEqual([
      { type: 'SubscribeApplied', request: 7, set: 3, rows: [{ table: 'player', rows: [player(1, 'red', 0n)] }] },
    ]);
  });

  test('S1 a table comes once per query, and the same text counts once', () => {
    addPlayer(1, 'red');
    const texts = ['SELECT * FROM player', "SELECT * FROM player WHERE team = 'red'", ' SELECT * FROM player '];
    subscriptions.subscribe(a, 1, 1, texts);
    const [applied] = a.take();
    expect(applied?.type === 'SubscribeApplied' && applied.rows.map((rows) => rows.table)).toEqual([
      'player',
      'player',
    ]);
  });

  test('S1 a refused query registers nothing of its set', () => {
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM player', 'SELECT * FROM nowhere']);
    expect(a.take()).toMatchObject([{ type: 'SubscriptionError', request: 1, set: 1 }]);
    addPlayer(1, 'red');
    expect(a.take()).toEqual([]);
    expect(subscriptions.planCount).toBe(0);
  });

  test('S2 an id in use is refused by an exception, and free again after unsubscribing', () => {
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM player']);
    expect(() => subscriptions.subscribe(a, 2, 1, ['SELECT * FROM team'])).toThrow(QuerySetInUse);
    subscriptions.unsubscribe(a, 3, 1, false);
    subscriptions.subscribe(a, 4, 1, ['SELECT * FROM team']);
    expect(a.take().map((message) => message.type)).toEqual([
      'SubscribeApplied',
      'UnsubscribeApplied',
      'SubscribeApplied',
    ]);
  });

  test('S3 SELECT * FROM * has neither private nor event tables, and row rules hold', () => {
    database.transact((tx) => {
      tx.insert('player', 1, 'red', 0n);
      tx.insert('secret', 5);
      tx.insert('note', id(bob), 'for bob');
      tx.insert('note', id(alice), 'for alice');
    });
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM *']);
    expect(a.take()).toMatchObject([
      {
        rows: [
          { table: 'player', rows: [player(1, 'red', 0n)] },
          { table: 'note', rows: [note(alice, 'for alice')] },
        ],
      },
    ]);
  });
});

describe('updates', () => {
  test('S4 one message per transaction, the delete and the insert of a changed row together', () => {
    addPlayer(1, 'red');
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM player']);
    a.take();
    database.transact((tx) => {
      tx.delete('player', () => true);
      tx.insert('player', 1, 'red', 5n);
    });
    const part = { inserts: [player(1, 'red', 5n)], deletes: [player(1, 'red', 0n)] };
    expect(a.take()).toEqual([
      { type: 'TransactionUpdate', sets: [{ set: 1, tables: [{ table: 'player', parts: [part] }] }] },
    ]);
  });

  test('S4 transactions that do not touch a query send nothing', () => {
    subscriptions.subscribe(a, 1, 1, ["SELECT * FROM player WHERE team = 'red'"]);
    a.take();
    addPlayer(1, 'blue');
    database.transact((tx) => tx.insert('secret', 1));
    expect(a.take()).toEqual([]);
  });

  test('S5 a row that two queries cover comes in both, in one set and across sets', () => {
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM player', "SELECT * FROM player WHERE team = 'red'"]);
    subscriptions.subscribe(a, 2, 2, ['SELECT * FROM player']);
    a.take();
    addPlayer(1, 'red');
    const part = { inserts: [player(1, 'red', 0n)], deletes: [] };
    const [update] = a.take();
    const sets = update?.type === 'TransactionUpdate' ? update.sets : [];
    expect(sets.map(({ set }) => set).sort()).toEqual([1, 2]);
    expect(sets.find(({ set }) => set === 1)?.tables).toEqual([{ table: 'player', parts: [part, part] }]);
    expect(sets.find(({ set }) => set === 2)?.tables).toEqual([{ table: 'player', parts: [part] }]);
  });

  test('S6, S13 events come as events, once, and never in a snapshot or an answer', () => {
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM live_inbox']);
    a.take();
    database.transact((tx) => tx.insert('live_inbox', id(alice), 's', 1n));
    const part = { events: [inbox(alice, 's', 1n)] };
    expect(a.take()).toEqual([
      { type: 'TransactionUpdate', sets: [{ set: 1, tables: [{ table: 'live_inbox', parts: [part] }] }] },
    ]);
    subscriptions.oneOff(a, 2, 'SELECT * FROM live_inbox');
    subscriptions.unsubscribe(a, 3, 1, true);
    subscriptions.subscribe(a, 4, 1, ['SELECT * FROM live_inbox']);
    expect(a.take()).toEqual([
      { type: 'OneOffQueryResult', request: 2, result: [{ table: 'live_inbox', rows: [] }] },
      { type: 'UnsubscribeApplied', request: 3, set: 1, rows: [] },
      { type: 'SubscribeApplied', request: 4, set: 1, rows: [] },
    ]);
  });

  test('S7 the changes of a request stay with it, and everybody else gets them', () => {
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM player']);
    subscriptions.subscribe(b, 1, 1, ['SELECT * FROM player']);
    a.take();
    b.take();
    const request = subscriptions.request(a);
    addPlayer(1, 'red', 0n, request);
    expect(a.take()).toEqual([]);
    expect(subscriptions.taken(request)).toMatchObject([{ querySetId: 1, updates: [{ table: 'player' }] }]);
    expect(b.take()).toMatchObject([{ type: 'TransactionUpdate' }]);
  });

  test('S8 unsubscribing gives the rows back when asked, and ends the updates', () => {
    addPlayer(1, 'red');
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM player']);
    subscriptions.unsubscribe(a, 2, 1, true);
    addPlayer(2, 'red');
    expect(a.take().slice(1)).toEqual([
      { type: 'UnsubscribeApplied', request: 2, set: 1, rows: [{ table: 'player', rows: [player(1, 'red', 0n)] }] },
    ]);
    subscriptions.unsubscribe(a, 3, 1, false);
    expect(a.take()).toMatchObject([{ type: 'SubscriptionError', request: 3, set: 1 }]);
    expect(subscriptions.planCount).toBe(0);
  });
});

describe('who sees what', () => {
  test.each(['SELECT * FROM live_inbox', 'SELECT * FROM live_inbox WHERE seq > 0', 'SELECT * FROM liveInbox'])(
    'S9 %s: each identity gets its own events only',
    (text) => {
      subscriptions.subscribe(a, 1, 1, [text]);
      subscriptions.subscribe(b, 1, 1, [text]);
      a.take();
      b.take();
      database.transact((tx) => {
        tx.insert('live_inbox', id(alice), 's', 1n);
        tx.insert('live_inbox', id(bob), 's', 2n);
      });
      const events = (client: Client) => client.take().map((message) => JSON.stringify(message));
      const [seenByA] = events(a);
      const [seenByB] = events(b);
      expect(seenByA).toContain(inbox(alice, 's', 1n));
      expect(seenByA).not.toContain(inbox(bob, 's', 2n));
      expect(seenByB).toContain(inbox(bob, 's', 2n));
      expect(seenByB).not.toContain(inbox(alice, 's', 1n));
    },
  );

  test.each([
    'SELECT * FROM note',
    `SELECT * FROM note WHERE recipient = 0x${bob}`,
    "SELECT * FROM note WHERE text = 'x' OR text <> 'x'",
    'SELECT n.* FROM note n JOIN note m ON n.recipient = m.recipient',
  ])('S9 one-off %s shows nothing of another identity', (text) => {
    database.transact((tx) => tx.insert('note', id(bob), 'for bob'));
    subscriptions.oneOff(a, 1, text);
    expect(a.take()).toEqual([{ type: 'OneOffQueryResult', request: 1, result: [{ table: 'note', rows: [] }] }]);
    subscriptions.oneOff(b, 1, text);
    expect(JSON.stringify(b.take()).includes(note(bob, 'for bob'))).toBe(true);
  });

  test('S9 the owner sees private tables and all rows', () => {
    const boss = new Client(owner);
    database.transact((tx) => {
      tx.insert('note', id(bob), 'for bob');
      tx.insert('secret', 5);
    });
    subscriptions.subscribe(boss, 1, 1, ['SELECT * FROM note', 'SELECT * FROM secret']);
    expect(boss.take()).toMatchObject([{ rows: [{ table: 'note' }, { table: 'secret', rows: ['05000000'] }] }]);
    subscriptions.subscribe(a, 1, 1, ['SELECT * FROM secret']);
    const [refused] = a.take();
    expect(refused).toMatchObject({ type: 'SubscriptionError' });
    expect(refused?.type === 'SubscriptionError' && refused.error).toContain('no such table');
  });
});

describe('the cost of a commit', () => {
  test('S10 is the watchers of the row, not the standing queries', () => {
    const clients = Array.from({ length: 200 }, (_, index) => new Client(identityOf('test', `client ${index}`)));
    for (const client of clients) subscriptions.subscribe(client, 1, 1, ['SELECT * FROM live_inbox']);
    database.transact((tx) => {
      for (const client of clients.slice(0, 3)) tx.insert('live_inbox', id(client.identity), 's', 1n);
    });
    expect(subscriptions.evaluations).toBe(3);
    expect(clients.filter((client) => client.seen.some(({ type }) => type === 'TransactionUpdate'))).toHaveLength(3);
  });

  test('S10 the same text without :sender is evaluated once for all clients', () => {
    for (const client of [a, b]) subscriptions.subscribe(client, 1, 1, ['SELECT * FROM player']);
    addPlayer(1, 'red');
    expect(subscriptions.evaluations).toBe(1);
  });

  test.each([
    ["SELECT * FROM player WHERE team = 'red'", 0, 'an index of its own'],
    ["SELECT * FROM player WHERE team = 'red' AND score > 1", 0, 'an index of its own, the rest being residual'],
    ['SELECT * FROM player WHERE score = 1', 0, 'a single equality without an index'],
    ['SELECT * FROM player WHERE score = 1 AND score > 0', 1, 'an AND without an index'],
    ["SELECT * FROM player WHERE team = 'red' OR team = 'green'", 1, 'an OR'],
    ['SELECT * FROM player WHERE score > 1', 1, 'a range'],
  ])('S10 %s costs %i evaluations for a foreign row: %s', (text, cost) => {
    subscriptions.subscribe(a, 1, 1, [text]);
    addPlayer(1, 'blue', 0n);
    expect(subscriptions.evaluations).toBe(cost);
  });

  test('S10 clients that get the same under the same ids get the same bytes, encoded once', () => {
    const bytes: Uint8Array[] = [];
    const tell = (identity: string) => ({
      identity,
      isOwner: false,
      send: (message: Uint8Array) => bytes.push(message),
    });
    const [one, same, otherId, more] = [alice, alice, bob, bob].map(tell);
    if (one === undefined || same === undefined || otherId === undefined || more === undefined) throw new Error();
    for (const client of [one, same, more]) subscriptions.subscribe(client, 1, 1, ['SELECT * FROM player']);
    subscriptions.subscribe(otherId, 1, 2, ['SELECT * FROM player']);
    subscriptions.subscribe(more, 1, 3, ['SELECT * FROM player WHERE id > 0']);
    bytes.splice(0);
    addPlayer(1, 'red');
    expect(bytes).toHaveLength(4);
    expect(new Set(bytes).size).toBe(3);
    const sets = bytes.map((message) => {
      const [seen] = serverMessages(message);
      return seen?.type === 'TransactionUpdate' ? seen.sets.map(({ set }) => set).join() : '';
    });
    expect(sets.sort()).toEqual(['1', '1', '1,3', '2']);
  });

  test('S10 a join is evaluated for a row that joins with what it asks for, and for no other', () => {
    const clients = Array.from({ length: 200 }, (_, index) => new Client(identityOf('test', `client ${index}`)));
    const text = (index: number) =>
      `SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.name = 'team ${index}' AND p.score > 1`;
    for (const [index, client] of clients.entries()) subscriptions.subscribe(client, 1, 1, [text(index)]);
    const cost = (run: () => void) => {
      const before = subscriptions.evaluations;
      run();
      return subscriptions.evaluations - before;
    };
    expect(cost(() => addPlayer(1, 'team 7', 5n))).toBe(0);
    expect(cost(() => database.transact((tx) => tx.insert('team', 'red', true)))).toBe(0);
    expect(cost(() => addPlayer(2, 'red', 5n))).toBe(0);
    expect(cost(() => database.transact((tx) => tx.insert('team', 'team 7', true)))).toBe(1);
    expect(cost(() => addPlayer(3, 'team 7', 5n))).toBe(1);
    expect(cost(() => database.transact((tx) => tx.delete('player', (row) => row[0] === 1)))).toBe(1);
    expect(clients[7]?.take().filter(({ type }) => type === 'TransactionUpdate')).toHaveLength(3);
    for (const client of clients) subscriptions.remove(client);
    expect(cost(() => addPlayer(4, 'team 7', 5n))).toBe(0);
  });

  test.each([
    ['SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.open = true', 0, 'an index and a unique column'],
    ['SELECT t.* FROM player p JOIN team t ON p.team = t.name WHERE p.id = 9', 1, 'a column that is not unique'],
    ['SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.open <> false', 1, 'no equality'],
  ])('S10 %s costs %i evaluations for rows that join with others: %s', (text, cost) => {
    database.transact((tx) => {
      tx.insert('team', 'closed', false);
      tx.insert('player', 5, 'shut', 0n);
    });
    subscriptions.subscribe(a, 1, 1, [text]);
    database.transact((tx) => {
      if (text.startsWith('SELECT p')) tx.insert('player', 1, 'closed', 0n);
      else tx.insert('team', 'shut', false);
    });
    expect(subscriptions.evaluations).toBe(cost);
  });

  test('S10 nothing is left of queries that nobody holds', () => {
    subscriptions.subscribe(a, 1, 1, ["SELECT * FROM player WHERE team = 'red'"]);
    subscriptions.remove(a);
    addPlayer(1, 'red');
    expect(subscriptions.evaluations).toBe(0);
  });
});

describe('joins', () => {
  const text = 'SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.open = true';

  test('S11 follow both sides, and a row that comes and goes cancels out', () => {
    addPlayer(1, 'red');
    subscriptions.subscribe(a, 1, 1, [text]);
    expect(a.take()).toMatchObject([{ rows: [] }]);
    const row = player(1, 'red', 0n);
    const parts = () => {
      const [message, ...more] = a.take();
      expect(more).toEqual([]);
      return message?.type === 'TransactionUpdate' ? message.sets[0]?.tables[0]?.parts : message;
    };
    database.transact((tx) => tx.insert('team', 'red', true));
    expect(parts()).toEqual([{ inserts: [row], deletes: [] }]);
    database.transact((tx) => tx.insert('team', 'blue', true));
    expect(parts()).toBeUndefined();
    database.transact((tx) => {
      tx.delete('team', (team) => team[0] === 'red');
      tx.insert('team', 'red', false);
    });
    expect(parts()).toEqual([{ inserts: [], deletes: [row] }]);
    database.transact((tx) => {
      tx.delete('player', () => true);
      tx.insert('player', 2, 'blue', 0n);
    });
    expect(parts()).toEqual([{ inserts: [player(2, 'blue', 0n)], deletes: [] }]);
    database.transact((tx) => {
      tx.insert('player', 3, 'green', 0n);
      tx.insert('team', 'green', true);
    });
    expect(parts()).toEqual([{ inserts: [player(3, 'green', 0n)], deletes: [] }]);
    database.transact((tx) => {
      tx.delete('player', (values) => values[0] === 3);
      tx.delete('team', (team) => team[0] === 'green');
    });
    expect(parts()).toEqual([{ inserts: [], deletes: [player(3, 'green', 0n)] }]);
  });

  test('S14 a query that fails on a commit takes its sets away, before the update and without a request id', () => {
    const all = 'SELECT p.* FROM player p JOIN team t ON p.team = t.name';
    subscriptions.subscribe(a, 1, 1, [all]);
    subscriptions.subscribe(a, 2, 2, ['SELECT * FROM player']);
    subscriptions.subscribe(b, 1, 7, [all, 'SELECT * FROM team']);
    a.take();
    b.take();
    const { rowsByColumn } = database;
    database.rowsByColumn = () => {
      throw new Error('the index is broken');
    };
    addPlayer(1, 'red');
    database.rowsByColumn = rowsByColumn;
    expect(a.take()).toMatchObject([
      { type: 'SubscriptionError', request: undefined, set: 1, error: 'the index is broken' },
      { type: 'TransactionUpdate', sets: [{ set: 2 }] },
    ]);
    expect(b.take()).toMatchObject([{ type: 'SubscriptionError', request: undefined, set: 7 }]);
    // Both ids are free, and what stood beside the failed query in its set is gone with it.
    database.transact((tx) => tx.insert('team', 'red', true));
    expect([a.take(), b.take()]).toEqual([[], []]);
    subscriptions.subscribe(a, 3, 1, [all]);
    expect(a.take()).toMatchObject([{ type: 'SubscribeApplied', rows: [{ table: 'player' }] }]);
  });

  test('S11 need an index on both columns', () => {
    subscriptions.subscribe(a, 1, 1, ['SELECT p.* FROM player p JOIN player q ON p.score = q.score']);
    expect(a.take()).toMatchObject([{ type: 'SubscriptionError', error: expect.stringContaining('indexes') }]);
  });
});

const texts = [
  'SELECT * FROM player',
  "SELECT * FROM player WHERE team = 'a'",
  "SELECT * FROM player WHERE team = 'a' AND score > 1",
  "SELECT * FROM player WHERE score <= 1 OR team <> 'b'",
  'SELECT p.* FROM player p JOIN team t ON p.team = t.name',
  'SELECT t.* FROM player p JOIN team t ON p.team = t.name WHERE p.score > 0',
  'SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.open = true AND p.score > 1',
  "SELECT p.* FROM player p JOIN team t ON p.team = t.name WHERE t.name = 'a'",
  'SELECT t.* FROM player p JOIN team t ON p.team = t.name WHERE t.open = false AND p.score <> 2',
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
        const database = new MemoryDatabase(owner, inboxModule);
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
