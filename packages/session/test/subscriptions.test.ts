import { type SetDelta, subscriptionError, type TableDelta, transactionUpdate } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import { Timestamp } from 'spacetimedb';
import { decodeGrant, type GrantChange, type RowBatch } from '../src/index.ts';
import { encode } from '../src/module/codec.ts';
import { viewCodecs } from '../src/module/views.ts';
import { RowBag } from '../src/rows/row-bag.ts';
import { noSlices, RowSlices } from '../src/wire/row-slices.ts';
import { Harness } from './support/harness.ts';
import { slicesOf } from './support/row-slices.ts';

const bytes = (...values: number[]) => new Uint8Array(values);
const told = (batches: RowBatch<Uint8Array>[]) =>
  batches.map(({ source, changes }) => [
    source,
    ...changes.map(({ table, inserts, deletes, events }) => [
      table,
      inserts.map((row) => [...row].join()),
      deletes.map((row) => [...row].join()),
      events.map((row) => [...row].join()),
    ]),
  ]);

const q = 'SELECT * FROM t';

async function subscribed() {
  const h = new Harness();
  h.host.tables.set(q, [{ table: 't', rows: [bytes(1), bytes(2)] }]);
  const batches: RowBatch<Uint8Array>[] = [];
  const errors: string[] = [];
  const subscription = h.session.subscribe([q], {
    batch: (batch) => batches.push(batch),
    failed: (error) => errors.push(error.code),
  });
  h.session.start();
  await h.sim.until(() => subscription.state === 'applied');
  const set = (query = q) => {
    for (const [id, queries] of h.host.open[0]?.sets ?? []) if (queries[0] === query) return id;
    throw new Error(`no set for ${query}`);
  };
  const commit = (...sets: SetDelta[]) => h.host.open[0]?.send(transactionUpdate(sets));
  return { h, batches, errors, subscription, set, commit };
}

/** A refresh whose second connection has its rows, and its stream not before `held` is called. */
async function secondConnection(h: Harness) {
  h.host.stream('s');
  h.session.follow('s', null);
  await h.live();
  const waiting: (() => void)[] = [];
  h.host.intercept = (connection, message) => {
    if (connection.number !== 2n || message.type !== 'procedure') return false;
    waiting.push(() => connection.handle(message));
    return true;
  };
  await h.sim.until(() => waiting.length === 1);
  await h.sim.advance(10);
  return {
    commit: (connection: number, changes: Omit<TableDelta, 'table'>, event?: Uint8Array) => {
      const open = h.host.connections[connection - 1];
      const id = [...(open?.sets ?? [])].find(([, queries]) => queries[0] === q)?.[0] ?? -1;
      const tables = [{ table: 't', ...changes }, ...(event === undefined ? [] : [{ table: 'e', events: [event] }])];
      open?.send(transactionUpdate([{ query_set_id: id, tables }]));
    },
    held: () => {
      h.host.intercept = undefined;
      for (const handle of waiting) handle();
    },
    level: () => h.sim.until(() => !h.session.status().refreshing),
  };
}

describe('subscriptions', () => {
  test('I15: a baseline, then one batch per transaction, in order', async () => {
    const { h, batches, subscription, set, commit } = await subscribed();
    commit({
      query_set_id: set(),
      tables: [
        { table: 't', inserts: [bytes(3)], deletes: [bytes(1)] },
        { table: 'e', events: [bytes(9), bytes(9)] },
      ],
    });
    commit({ query_set_id: set(), tables: [{ table: 't', inserts: [bytes(4)] }] });
    await h.sim.until(() => batches.length === 3);
    expect(told(batches)).toEqual([
      ['baseline', ['t', ['1', '2'], [], []]],
      ['transaction', ['t', ['3'], ['1'], []], ['e', [], [], ['9', '9']]],
      ['transaction', ['t', ['4'], [], []]],
    ]);
    expect(subscription.rows('t').map((row) => row[0])).toEqual([2, 3, 4]);
    await h.close();
    expect(subscription.state).toBe('ended');
  });

  test('I15: rows are counted: what two queries hold goes only with the second', async () => {
    const { h, batches, subscription, set, commit } = await subscribed();
    commit({ query_set_id: set(), tables: [{ table: 't', inserts: [bytes(1), bytes(5)] }] });
    commit({ query_set_id: set(), tables: [{ table: 't', deletes: [bytes(1)] }] });
    await h.sim.until(() => batches.length === 2);
    await h.sim.advance(50);
    expect(told(batches).at(-1)).toEqual(['transaction', ['t', ['5'], [], []]]);
    expect(subscription.rows('t').map((row) => row[0])).toEqual([1, 2, 5]);
    commit({ query_set_id: set(), tables: [{ table: 't', deletes: [bytes(1)] }] });
    await h.sim.until(() => batches.length === 3);
    expect(told(batches).at(-1)).toEqual(['transaction', ['t', [], ['1'], []]]);
    await h.close();
  });

  test('I15: over several subscriptions a row is there while any of them holds it', async () => {
    const { h, subscription, set, commit } = await subscribed();
    const other = 'SELECT * FROM t WHERE x = 1';
    h.host.tables.set(other, [{ table: 't', rows: [bytes(2), bytes(7)] }]);
    const second = h.session.subscribe([other], { batch: () => {} });
    await h.sim.until(() => second.state === 'applied');
    const present = () => h.session.rows('t').map((row) => row[0]);
    expect(present()).toEqual([1, 2, 7]);
    subscription.end();
    expect(present()).toEqual([2, 7]);
    await h.sim.until(() => h.host.open[0]?.sets.size === 2);
    commit({ query_set_id: set(other), tables: [{ table: 't', deletes: [bytes(2)] }] });
    await h.sim.until(() => second.rows('t').length === 1);
    expect(present()).toEqual([7]);
    await h.close();
  });

  test('after a cut the rows stay readable, and the difference to the new baseline is told', async () => {
    const { h, batches, subscription } = await subscribed();
    h.host.tables.set(q, [{ table: 't', rows: [bytes(2), bytes(8)] }]);
    h.host.open[0]?.cut();
    await h.state('backoff');
    expect(subscription.rows('t')).toHaveLength(2);
    await h.sim.until(() => batches.length === 2);
    expect(told(batches)[1]).toEqual(['resync', ['t', ['8'], ['1'], []]]);
    await h.close();
  });

  test('a refresh hands subscriptions over as well', async () => {
    const { h, batches, subscription } = await subscribed();
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(told(batches).slice(1)).toEqual([['resync']]);
    h.host.open[0]?.send(
      transactionUpdate([{ query_set_id: h.host.open[0].sets.size, tables: [{ table: 't', inserts: [bytes(6)] }] }]),
    );
    await h.sim.until(() => subscription.rows('t').length === 3);
    await h.close();
  });

  test('I9: while a refresh is under way, each transaction is told once', async () => {
    const { h, batches, subscription } = await subscribed();
    h.host.stream('s');
    h.session.follow('s', null);
    await h.live();
    // The second connection has its rows but not its stream, so it cannot take over yet.
    h.host.intercept = (connection, message) => connection.number === 2n && message.type === 'procedure';
    await h.sim.until(() => h.host.open.length === 2 && h.host.open[1]?.sets.size === 2);
    await h.sim.advance(10);
    for (const connection of h.host.open) {
      const id = [...connection.sets].find(([, queries]) => queries[0] === q)?.[0] ?? -1;
      connection.send(transactionUpdate([{ query_set_id: id, tables: [{ table: 't', inserts: [bytes(5)] }] }]));
    }
    await h.sim.advance(10);
    expect(told(batches).slice(1)).toEqual([['transaction', ['t', ['5'], [], []]]]);
    expect(subscription.rows('t')).toHaveLength(3);
    await h.close();
  });

  test.each([
    ['behind', [1, 2]],
    ['ahead of', [2, 1]],
  ])('I9: a connection that is %s the first one takes over when both show the same', async (_where, order) => {
    const { h, batches, subscription } = await subscribed();
    const { commit, held, level } = await secondConnection(h);
    const [first = 1, second = 2] = order;
    commit(first, { inserts: [bytes(5)], deletes: [bytes(1)] }, bytes(9));
    commit(first, { inserts: [bytes(6)] });
    await h.sim.advance(10);
    held();
    await h.sim.advance(10);
    expect(h.session.status().refreshing).toBe(true);
    commit(second, { inserts: [bytes(5)], deletes: [bytes(1)] }, bytes(9));
    commit(second, { inserts: [bytes(6)] });
    await level();
    commit(2, { inserts: [bytes(7)] });
    await h.sim.until(() => subscription.rows('t').length === 4);
    // Nothing goes and comes back, no event is left out or comes twice, and the taking over itself changes nothing.
    expect(
      told(batches)
        .slice(1)
        .filter(([, ...changes]) => changes.length > 0),
    ).toEqual([
      ['transaction', ['t', ['5'], ['1'], []], ['e', [], [], ['9']]],
      ['transaction', ['t', ['6'], [], []]],
      ['transaction', ['t', ['7'], [], []]],
    ]);
    expect(told(batches).filter(([source]) => source === 'resync')).toEqual([['resync']]);
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I9: a connection that is never level takes over after a while, with the difference', async () => {
    const { h, batches } = await subscribed();
    const { commit, held } = await secondConnection(h);
    commit(1, { inserts: [bytes(5)] });
    held();
    await h.sim.advance(1900);
    expect(h.session.status().refreshing).toBe(true);
    await h.sim.until(() => !h.session.status().refreshing);
    expect(told(batches).at(-1)).toEqual(['resync', ['t', [], ['5'], []]]);
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I9: a second connection that ends while it waits to be level is made again', async () => {
    const { h, batches } = await subscribed();
    const { commit, held } = await secondConnection(h);
    commit(1, { inserts: [bytes(5)] });
    held();
    await h.sim.advance(100);
    h.host.open[1]?.cut();
    await h.sim.until(() => !h.session.status().refreshing);
    h.host.tables.set(q, [{ table: 't', rows: [bytes(1), bytes(2), bytes(5)] }]);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(told(batches).at(-1)).toEqual(['resync']);
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I14: a refused or dropped query fails its own subscription only', async () => {
    const { h, errors, subscription, set } = await subscribed();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'subscribe' || message.queries[0] !== 'nonsense') return false;
      connection.send(subscriptionError(message.request_id, message.query_set_id, 'syntax'));
      return true;
    };
    const refused: string[] = [];
    const bad = h.session.subscribe(['nonsense'], { batch: () => {}, failed: (error) => refused.push(error.message) });
    await h.sim.until(() => bad.state === 'failed');
    expect(refused).toEqual(['syntax']);
    h.host.open[0]?.send(subscriptionError(undefined, set(), 'a row could not be evaluated'));
    await h.sim.until(() => subscription.state === 'failed');
    expect(errors).toEqual(['subscription_failed']);
    expect(subscription.rows('t')).toEqual([]);
    expect(h.session.status()).toMatchObject({ state: 'live', attempt: 1 });
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    expect(h.host.log.filter((line) => line.includes('nonsense'))).toEqual([]);
    await h.close();
  });

  test('I11: a handler or decoder that throws is isolated', async () => {
    const { h, batches } = await subscribed();
    const throwing = h.session.subscribe([q], { batch: () => batches.push() }, () => {
      throw new Error('cannot decode');
    });
    await h.sim.until(() => throwing.state === 'applied');
    expect(h.session.status().counters.listener_errors).toBe(1);
    expect(h.session.state).toBe('live');
    await h.close();
  });

  test('I27: grants whose query is refused or dropped are asked for again, stay as known, and tell what has changed', async () => {
    const h = new Harness({ followGranted: true });
    const grant = (stream_id: string) =>
      encode(viewCodecs.myStreams, { stream_id, role: 'reader', expires_at: undefined });
    const query = 'SELECT * FROM my_streams';
    const asked: number[] = [];
    let refusals = 2;
    h.host.intercept = (connection, message) => {
      if (message.type !== 'subscribe' || message.queries[0] !== query) return false;
      asked.push(h.sim.now);
      if (refusals === 0) return false;
      refusals -= 1;
      connection.send(subscriptionError(message.request_id, message.query_set_id, 'the view failed'));
      return true;
    };
    h.host.tables.set(query, [{ table: 'my_streams', rows: [grant('a')] }]);
    const changes: GrantChange[] = [];
    h.session.onGrants((change) => changes.push(change));
    h.session.start();
    await h.sim.until(() => asked.length === 1 && h.session.grantsError !== undefined);
    expect(h.session.grantsError?.code).toBe('subscription_failed');
    await h.sim.until(() => changes.length === 1);
    expect(changes[0]?.added.map(({ stream_id }) => stream_id)).toEqual(['a']);
    expect(h.session.grantsError).toBeUndefined();
    // Each time after a pause, and never below its floor.
    expect(asked).toHaveLength(3);
    for (const [index, at] of asked.slice(1).entries()) expect(at - (asked[index] ?? at)).toBeGreaterThanOrEqual(250);

    const dropped = () => [...(h.host.open[0]?.sets ?? [])].find(([, queries]) => queries[0] === query)?.[0] ?? -1;
    h.host.tables.set(query, [{ table: 'my_streams', rows: [grant('b')] }]);
    h.host.open[0]?.send(subscriptionError(undefined, dropped(), 'a row could not be evaluated'));
    await h.sim.until(() => h.session.grantsError !== undefined);
    expect(h.session.grants.map(({ stream_id }) => stream_id)).toEqual(['a']);
    await h.sim.until(() => changes.length === 2);
    expect(changes[1]?.added.map(({ stream_id }) => stream_id)).toEqual(['b']);
    expect(changes[1]?.removed.map(({ stream_id }) => stream_id)).toEqual(['a']);
    expect(h.session.status()).toMatchObject({ state: 'live', attempt: 1 });

    // Closed while it waits to ask again: nothing is left.
    refusals = 1;
    h.host.open[0]?.send(subscriptionError(undefined, dropped(), 'again'));
    await h.sim.until(() => h.session.grantsError !== undefined);
    const before = asked.length;
    await h.close();
    await h.sim.advance(60_000);
    expect(asked).toHaveLength(before);
  });

  test('grants of this identity are told as they come and go', async () => {
    const h = new Harness({ followGranted: true });
    const grant = (stream_id: string, expires?: bigint) =>
      encode(viewCodecs.myStreams, {
        stream_id,
        role: 'reader',
        expires_at: expires === undefined ? undefined : new Timestamp(expires),
      });
    const query = 'SELECT * FROM my_streams';
    h.host.tables.set(query, [{ table: 'my_streams', rows: [grant('a')] }]);
    const changes: GrantChange[] = [];
    h.session.onGrants((change) => changes.push(change));
    h.session.start();
    await h.sim.until(() => changes.length === 1);
    expect(changes[0]?.all).toEqual([{ stream_id: 'a', role: 'reader', expires_at: undefined }]);
    const id = [...(h.host.open[0]?.sets ?? [])].find(([, queries]) => queries[0] === query)?.[0] ?? -1;
    h.host.open[0]?.send(
      transactionUpdate([
        { query_set_id: id, tables: [{ table: 'my_streams', inserts: [grant('b', 5n)], deletes: [grant('a')] }] },
      ]),
    );
    await h.sim.until(() => changes.length === 2);
    expect(changes[1]?.added).toEqual([{ stream_id: 'b', role: 'reader', expires_at: 5n }]);
    expect(changes[1]?.removed.map(({ stream_id }) => stream_id)).toEqual(['a']);
    expect(h.session.grants).toEqual(changes[1]?.added);
    expect(decodeGrant(grant('a')).stream_id).toBe('a');
    // A new connection may be one to another database: an owner that has begun anew has to hear of all grants.
    h.host.tables.set(query, [{ table: 'my_streams', rows: [grant('b', 5n)] }]);
    h.host.open[0]?.cut();
    await h.sim.until(() => changes.length === 3);
    expect(changes[2]).toEqual({ all: changes[1]?.added, added: [], removed: [] });
    await h.close();
  });
});

describe('RowBag', () => {
  test('I15: a delete of a row that is not there does not eat a later insert', () => {
    const bag = new RowBag();
    const update = (inserts: Uint8Array[], deletes: Uint8Array[]) =>
      bag.apply([{ table: 't', inserts: slicesOf(inserts), deletes: slicesOf(deletes), events: noSlices }]);
    expect(update([], [bytes(1)])).toEqual([]);
    expect(update([bytes(1)], []).map(({ inserts }) => [...inserts])).toEqual([[bytes(1)]]);
    expect(update([bytes(1)], [bytes(1)])).toEqual([]);
    expect(bag.rows('t')).toEqual([bytes(1)]);
  });

  test('kept rows do not hold on to the frame that they came in', () => {
    const big = new Uint8Array(1 << 20);
    const bag = new RowBag();
    bag.fill([{ table: 't', rows: new RowSlices(new DataView(big.buffer), [5, 6]) }]);
    expect(bag.rows('t')[0]?.buffer.byteLength).toBe(1);
  });
});
