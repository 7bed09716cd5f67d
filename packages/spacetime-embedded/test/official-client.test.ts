import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identityOf } from '../src/auth/identity.ts';
import { type EmbeddedHost, startEmbedded } from '../src/start-embedded.ts';
import { inboxModule } from './support/inbox-module.ts';
import { MemoryDatabase } from './support/memory-database.ts';
import { type Connected, type Connection, connectOfficial } from './support/official-client.ts';

const owner = identityOf('test', 'owner');
let host: EmbeddedHost;
let open: Connection[];

beforeEach(async () => {
  open = [];
  host = await startEmbedded({
    module: new Uint8Array(),
    database: 'test-db',
    owner,
    listen: '127.0.0.1:0',
    openEngine: () => Promise.resolve(new MemoryDatabase(owner, inboxModule)),
  });
});

afterEach(async () => {
  for (const connection of open) connection.disconnect();
  await host.close();
});

async function connect(compression: 'gzip' | 'none' = 'gzip', token?: string): Promise<Connected> {
  const connected = await connectOfficial(host.url, { compression, ...(token === undefined ? {} : { token }) });
  open.push(connected.db);
  return connected;
}

describe('the official client', () => {
  test('connects, subscribes, calls a reducer and sees the rows of itself and of others', async () => {
    const one = await connect();
    const other = await connect('none');
    await one.subscribe('SELECT * FROM player');
    await other.subscribe("SELECT * FROM player WHERE team = 'red'");
    const seenByOther = new Promise((resolve) => other.db.db.player.onInsert((_context, row) => resolve(row)));
    await one.db.reducers.addPlayer({ id: 1, team: 'red', score: -5n });
    await one.db.reducers.addPlayer({ id: 2, team: 'blue', score: 7n });
    expect([...one.db.db.player.iter()]).toEqual([
      { id: 1, team: 'red', score: -5n },
      { id: 2, team: 'blue', score: 7n },
    ]);
    expect(await seenByOther).toEqual({ id: 1, team: 'red', score: -5n });
    expect([...other.db.db.player.iter()]).toHaveLength(1);
  });

  test('takes a compressed snapshot of many rows', async () => {
    const writer = await connect();
    for (let id = 0; id < 200; id += 1) await writer.db.reducers.addPlayer({ id, team: 'a longer name', score: 0n });
    const reader = await connect('gzip');
    await reader.subscribe('SELECT * FROM player');
    expect(Number(reader.db.db.player.count())).toBe(200);
  });

  test('gets the message of a SenderError, and the error of a bad query', async () => {
    const { db, subscribe } = await connect();
    await expect(db.reducers.refuse({})).rejects.toThrow('not today');
    await expect(subscribe('SELECT * FROM secret')).rejects.toThrow('no such table');
  });

  test('two identities never see each other: events and rows', async () => {
    const alice = await connect();
    const bob = await connect();
    const seen: { who: string; stream: string }[] = [];
    alice.db.db.liveInbox.onInsert((_context, row) => seen.push({ who: 'alice', stream: row.streamId }));
    bob.db.db.liveInbox.onInsert((_context, row) => seen.push({ who: 'bob', stream: row.streamId }));
    for (const { subscribe } of [alice, bob]) await subscribe('SELECT * FROM live_inbox', 'SELECT * FROM note');
    await alice.db.reducers.say({ recipient: bob.identity, streamId: 'to bob', seq: 1n });
    await alice.db.reducers.writeNote({ recipient: bob.identity, text: 'for bob' });
    await bob.db.reducers.say({ recipient: alice.identity, streamId: 'to alice', seq: 1n });
    await bob.db.reducers.writeNote({ recipient: alice.identity, text: 'for alice' });
    // A call of one's own comes after everything that was committed before it.
    await alice.db.reducers.addPlayer({ id: 1, team: 't', score: 0n });
    await bob.db.reducers.addPlayer({ id: 2, team: 't', score: 0n });
    expect(seen.sort((a, b) => a.who.localeCompare(b.who))).toEqual([
      { who: 'alice', stream: 'to alice' },
      { who: 'bob', stream: 'to bob' },
    ]);
    expect([...alice.db.db.note.iter()].map((row) => row.text)).toEqual(['for alice']);
    expect([...bob.db.db.note.iter()].map((row) => row.text)).toEqual(['for bob']);
  });

  test('keeps its identity with the token that it was given', async () => {
    const first = await connect();
    const again = await connect('gzip', first.token);
    expect(again.identity.toHexString()).toBe(first.identity.toHexString());
  });
});
