import { Range, SenderError, schema, t, table } from 'spacetimedb/server';

// Rows, indexes, sequences, and what a module gets of its host.

const item = table(
  { public: true, indexes: [{ accessor: 'byOwnerRank', algorithm: 'btree', columns: ['owner', 'rank'] }] },
  {
    id: t.u64().primaryKey().autoInc(),
    code: t.string().unique(),
    owner: t.string(),
    rank: t.i32(),
    tag: t.string().index('hash'),
  },
);
const bag = table({ public: true }, { word: t.string(), player1Score: t.u32() });
const small = table({ public: true }, { id: t.u8().primaryKey().autoInc(), word: t.string() });
const seat = table({ public: true }, { place: t.u32().index('direct').unique(), guest: t.string() });
const hidden = table({}, { id: t.u32().primaryKey(), word: t.string() });
const pair = table(
  { public: true, indexes: [{ accessor: 'byItem', algorithm: 'btree', columns: ['itemId'] }] },
  { id: t.u32().primaryKey(), itemId: t.u64() },
);
const mark = table({ public: true }, { id: t.u32().primaryKey(), rank: t.i32() });
const said = table(
  { public: true },
  { id: t.u64().primaryKey().autoInc(), key: t.string().index('btree'), text: t.string() },
);

const spacetimedb = schema({ item, bag, small, seat, hidden, pair, mark, said });
export default spacetimedb;

export const init = spacetimedb.init((ctx) => {
  ctx.db.said.insert({ id: 0n, key: 'init', text: `${ctx.sender.toHexString()} ${ctx.connectionId === null}` });
});

export const addItem = spacetimedb.reducer(
  { code: t.string(), owner: t.string(), rank: t.i32(), tag: t.string() },
  (ctx, row) => {
    ctx.db.item.insert({ id: 0n, ...row });
  },
);
export const addItemWithId = spacetimedb.reducer({ id: t.u64(), code: t.string() }, (ctx, { id, code }) => {
  ctx.db.item.insert({ id, code, owner: '', rank: 0, tag: '' });
});
export const updateItem = spacetimedb.reducer({ id: t.u64(), code: t.string(), rank: t.i32() }, (ctx, args) => {
  ctx.db.item.id.update({ ...args, owner: 'updated', tag: '' });
});
export const removeItems = spacetimedb.reducer((ctx) => {
  ctx.db.item.clear();
});
export const addBag = spacetimedb.reducer({ word: t.string(), score: t.u32() }, (ctx, { word, score }) => {
  ctx.db.bag.insert({ word, player1Score: score });
});
export const removeBag = spacetimedb.reducer({ word: t.string(), score: t.u32() }, (ctx, { word, score }) => {
  ctx.db.bag.delete({ word, player1Score: score });
});
export const addPair = spacetimedb.reducer({ id: t.u32(), itemId: t.u64() }, (ctx, row) => {
  ctx.db.pair.insert(row);
});
export const hide = spacetimedb.reducer({ id: t.u32(), word: t.string() }, (ctx, row) => {
  ctx.db.hidden.id.delete(row.id);
  ctx.db.hidden.insert(row);
});
export const sit = spacetimedb.reducer({ place: t.u32(), guest: t.string() }, (ctx, row) => {
  ctx.db.seat.insert(row);
});
export const fillSmall = spacetimedb.reducer({ count: t.u32(), word: t.string() }, (ctx, { count, word }) => {
  for (let index = 0; index < count; index += 1) ctx.db.small.insert({ id: 0, word });
});
export const refuse = spacetimedb.reducer({ message: t.string() }, (_ctx, { message }) => {
  throw new SenderError(message);
});
export const crash = spacetimedb.reducer({ message: t.string() }, (_ctx, { message }) => {
  throw new Error(message);
});
export const addManyBags = spacetimedb.reducer({ count: t.u32(), word: t.string() }, (ctx, { count, word }) => {
  for (let index = 0; index < count; index += 1) ctx.db.bag.insert({ word, player1Score: index });
});
export const nothing = spacetimedb.reducer(() => undefined);
export const writeLog = spacetimedb.reducer({ text: t.string() }, (_ctx, { text }) => {
  console.error('error', text);
  console.warn('warn', text);
  console.info('info', text);
  console.debug('debug', text);
});
export const explicit = spacetimedb.reducer({ name: 'given_name' }, (ctx) => {
  ctx.db.said.insert({ id: 0n, key: 'given', text: 'called' });
});
export const leavesAndFails = spacetimedb.reducer({ how: t.string() }, (ctx, { how }) => {
  ctx.db.bag.insert({ word: `left by ${how}`, player1Score: 1 });
  ctx.db.item.insert({ id: 0n, code: `left by ${how}`, owner: '', rank: 0, tag: '' });
  if (how === 'sender') throw new SenderError('no');
  throw new Error('no');
});

let remembered = 0;

/** Does one of several things inside of the module and notes under a key what it saw. */
export const probe = spacetimedb.reducer({ what: t.string(), key: t.string() }, (ctx, { what, key }) => {
  const say = (text: unknown) => void ctx.db.said.insert({ id: 0n, key, text: String(text) });
  const codes = (rows: Iterable<{ code: string }>) => [...rows].map((row) => row.code).join();
  const add = (code: string, rank: number, tag = 'none') =>
    ctx.db.item.insert({ id: 0n, code: `${key}${code}`, owner: key, rank, tag: `${key}${tag}` });
  const short = (text: string) => text.replaceAll(key, '');
  switch (what) {
    case 'twice-the-same':
      ctx.db.bag.insert({ word: key, player1Score: 1 });
      ctx.db.bag.insert({ word: key, player1Score: 1 });
      return say([...ctx.db.bag.iter()].filter((row) => row.word === key).length);
    case 'unique-caught': {
      add('a', 1);
      try {
        ctx.db.item.insert({ id: 0n, code: `${key}a`, owner: 'other', rank: 2, tag: '' });
      } catch (error) {
        say(`${(error as Error).name} ${error instanceof Error}`);
      }
      return;
    }
    case 'key-freed': {
      const row = add('a', 1);
      ctx.db.item.id.delete(row.id);
      add('a', 2);
      return say(ctx.db.item.code.find(`${key}a`)?.rank);
    }
    case 'prefix':
      for (const [index, code] of ['c', 'a', 'b'].entries()) add(code, 10 - index);
      return say(short(codes(ctx.db.item.byOwnerRank.filter(key))));
    case 'range':
      for (const rank of [5, 1, 3, -2, 4]) add(String(rank), rank);
      say(
        short(
          codes(
            ctx.db.item.byOwnerRank.filter([
              key,
              new Range({ tag: 'included', value: 1 }, { tag: 'excluded', value: 5 }),
            ]),
          ),
        ),
      );
      return say(
        short(
          codes(ctx.db.item.byOwnerRank.filter([key, new Range({ tag: 'excluded', value: 3 }, { tag: 'unbounded' })])),
        ),
      );
    case 'point':
      for (const rank of [5, 1]) add(String(rank), rank);
      return say(short(codes(ctx.db.item.byOwnerRank.filter([key, 5]))));
    case 'own-rows-first-1':
      return void [add('1', 1), add('3', 3)];
    case 'own-rows-first-2':
      add('4', 4);
      add('2', 2);
      return say(short(codes(ctx.db.item.byOwnerRank.filter(key))));
    case 'hash':
      add('a', 1, 'red');
      add('b', 2, 'blue');
      return say(short(codes(ctx.db.item.tag.filter(`${key}red`))));
    case 'delete-range':
      for (const rank of [1, 2, 3]) add(String(rank), rank);
      return say(ctx.db.item.byOwnerRank.delete([key, new Range({ tag: 'excluded', value: 1 }, { tag: 'unbounded' })]));
    case 'update-missing':
      try {
        ctx.db.item.id.update({ id: 999_999_999n, code: key, owner: '', rank: 0, tag: '' });
      } catch (error) {
        say((error as Error).name);
      }
      return;
    case 'direct':
      return say(`${ctx.db.seat.place.find(7)?.guest} ${ctx.db.seat.place.find(8)?.guest}`);
    case 'long':
      ctx.db.bag.insert({ word: key + 'x'.repeat(200_000), player1Score: 1 });
      return say([...ctx.db.bag.iter()].find((row) => row.word.startsWith(key))?.word.length);
    case 'globals':
      return say(
        ['setTimeout', 'fetch', 'crypto', 'process', 'require'].map((name) => name in globalThis).join() +
          ` ${typeof Math.random} ${new TextDecoder().decode(new TextEncoder().encode('é'))}`,
      );
    case 'remember':
      remembered += 1;
      return say(remembered);
    case 'context':
      return say(
        `${ctx.sender.toHexString()} ${ctx.connectionId === null} ${ctx.identity.toHexString()} ${ctx.senderAuth.jwt?.subject !== undefined}`,
      );
    case 'time': {
      const first = ctx.timestamp.microsSinceUnixEpoch;
      return say(first === ctx.timestamp.microsSinceUnixEpoch);
    }
    default:
      throw new SenderError(`no such probe: ${what}`);
  }
});
