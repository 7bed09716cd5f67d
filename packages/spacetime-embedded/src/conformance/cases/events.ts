import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import type { SeenUpdate } from '../server-messages.ts';
import { encoded, row } from '../test-database.ts';

const events = (sets: readonly SeenUpdate[]) =>
  sets.flatMap(({ tables }) =>
    tables.flatMap(({ parts }) => parts.flatMap((part) => ('events' in part ? part.events : ['not an event']))),
  );
const shout = (text: string, topic: string) => row([t.string(), text], [t.string(), topic]);

/** Event tables, and the rules of who sees which row. */
export const eventCases = group('events', [
  [
    'delivered-once',
    'store.events',
    'an event comes once, as an event, and is not kept',
    async (server) => {
      const database = await server.database('events');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, "SELECT * FROM shout WHERE topic = 'once'"));
      equal((await client.next('SubscribeApplied')).rows, [], 'rows at first');
      await database.commit('call', ['one', 'once']);
      await database.commit('call', ['two', 'once']);
      equal(events((await client.next('TransactionUpdate')).sets), [shout('one', 'once')], 'the first');
      equal(events((await client.next('TransactionUpdate')).sets), [shout('two', 'once')], 'the second');
    },
  ],
  [
    'no-replay',
    'store.events',
    'who subscribes later gets no earlier event',
    async (server) => {
      const database = await server.database('events');
      await database.commit('call', ['early', 'replay']);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, "SELECT * FROM shout WHERE topic = 'replay'"));
      equal((await client.next('SubscribeApplied')).rows, [], 'rows');
      await database.commit('call', ['late', 'replay']);
      equal(events((await client.next('TransactionUpdate')).sets), [shout('late', 'replay')], 'the first event');
    },
  ],
  [
    'own-event',
    'store.events',
    'the own event comes in the ReducerResult',
    async (server) => {
      const client = await (await server.database('events')).connect();
      client.send(clientMessage.subscribe(1, 1, "SELECT * FROM shout WHERE topic = 'own'"));
      await client.next('SubscribeApplied');
      client.send(clientMessage.reducer(2, 'call', encoded([t.string(), 'mine'], [t.string(), 'own'])));
      const { result } = await client.next('ReducerResult');
      equal('ok' in result ? events(result.ok) : result, [shout('mine', 'own')], 'events');
    },
  ],
  [
    'rolled-back',
    'store.events',
    'events of a reducer that fails are not told',
    async (server) => {
      const database = await server.database('events');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM shout'));
      await client.next('SubscribeApplied');
      await database.call('call_and_fail', ['lost']);
      await database.commit('call', ['kept', 'rollback']);
      equal(events((await client.next('TransactionUpdate')).sets), [shout('kept', 'rollback')], 'the first event');
    },
  ],
  [
    'same-twice',
    'store.events',
    'the same event twice in a transaction is one',
    async (server) => {
      const database = await server.database('events');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, "SELECT * FROM shout WHERE topic = 'twice'"));
      await client.next('SubscribeApplied');
      await database.commit('call_twice', ['x']);
      equal(events((await client.next('TransactionUpdate')).sets), [shout('x', 'twice')], 'events');
    },
  ],
  [
    'seen-inside',
    'store.events',
    'a transaction sees its own events and none of others',
    async (server) => {
      const database = await server.database('events');
      await database.commit('count', ['a']);
      await database.commit('count', ['b']);
      equal(await database.rows("SELECT text FROM said WHERE key = 'b'"), [['0 1']], 'counts before and after');
    },
  ],
  [
    'one-off',
    'store.events',
    'neither a one-off query nor SQL gives events',
    async (server) => {
      const database = await server.database('events');
      await database.commit('call', ['x', 'one-off']);
      equal(await database.rows('SELECT * FROM shout'), [], 'SQL');
      const client = await database.connect();
      client.send(clientMessage.oneOff(1, 'SELECT * FROM shout'));
      const { result } = await client.next('OneOffQueryResult');
      check(typeof result !== 'string', String(result));
      equal(
        result.flatMap(({ rows }) => rows),
        [],
        'one-off',
      );
    },
  ],
  [
    'dropped',
    'store.events',
    'unsubscribing gives no events back',
    async (server) => {
      const database = await server.database('events');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM shout'));
      await client.next('SubscribeApplied');
      await database.commit('call', ['x', 'dropped']);
      await client.next('TransactionUpdate');
      client.send(clientMessage.unsubscribe(2, 1, true));
      equal((await client.next('UnsubscribeApplied')).rows ?? [], [], 'rows');
    },
  ],
  [
    'filtered',
    'store.events',
    'a condition chooses among events',
    async (server) => {
      const database = await server.database('events');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, "SELECT * FROM shout WHERE topic = 'b'"));
      await client.next('SubscribeApplied');
      await database.commit('call', ['x', 'a']);
      await database.commit('call', ['y', 'b']);
      equal(events((await client.next('TransactionUpdate')).sets), [shout('y', 'b')], 'the first event');
    },
  ],
  [
    'joined',
    'store.events',
    'an event table may be the side of a join whose rows are not looked up',
    async (server) => {
      const database = await server.database('events');
      await database.commit('open', ['joined', true]);
      const client = await database.connect();
      client.send(
        clientMessage.subscribe(
          1,
          1,
          "SELECT s.* FROM shout s JOIN topic o ON s.topic = o.name WHERE s.text <> '' AND o.open = TRUE",
        ),
      );
      await client.next('SubscribeApplied');
      await database.commit('call', ['not this', 'closed']);
      await database.commit('call', ['this', 'joined']);
      equal(events((await client.next('TransactionUpdate')).sets), [shout('this', 'joined')], 'the first event');
    },
  ],
  [
    'joined-on-the-right',
    'store.events',
    'an event table may not be the side that is looked up',
    async (server) => {
      const client = await (await server.database('events')).connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT o.* FROM topic o JOIN shout s ON s.topic = o.name'));
      await client.next('SubscriptionError');
      // The side that a constant narrows goes first; then the events are what is looked up.
      const narrowed = 'SELECT s.* FROM shout s JOIN topic o ON s.topic = o.name WHERE o.open = TRUE';
      client.send(clientMessage.subscribe(2, 2, narrowed));
      equal((await client.next('SubscriptionError')).request, 2, 'request');
    },
  ],
  [
    'rule-on-events',
    'module.visibility',
    'a rule keeps events from those whom they do not concern',
    async (server) => {
      const database = await server.database('events');
      const [one, other] = [await server.caller(), await server.caller()];
      const [mine, theirs] = [
        await database.connect({ token: one.token }),
        await database.connect({ token: other.token }),
      ];
      for (const client of [mine, theirs]) {
        client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM bell'));
        await client.next('SubscribeApplied');
      }
      await database.commit('ring', [[`0x${one.identity}`], 'for one']);
      await database.commit('ring', [[`0x${other.identity}`], 'for the other']);
      const textOf = async (client: typeof mine) =>
        Buffer.from(events((await client.next('TransactionUpdate')).sets)[0] ?? '', 'hex').toString();
      check((await textOf(mine)).includes('for one'), 'the first event of one is not its own');
      check((await textOf(theirs)).includes('for the other'), 'the first event of the other is not its own');
      for (const client of [mine, theirs]) {
        client.send(clientMessage.oneOff(5, 'SELECT * FROM topic'));
        await client.next('OneOffQueryResult');
        equal(client.seen.length, 0, 'messages besides');
      }
    },
  ],
  [
    'rule-everywhere',
    'module.visibility',
    'a rule holds for subscriptions, one-off queries, SQL and SELECT * FROM *',
    async (server) => {
      const database = await server.database('events');
      const [one, other] = [await server.caller(), await server.caller()];
      await database.commit('write', [1, [`0x${one.identity}`], 'for one']);
      await database.commit('write', [2, [`0x${other.identity}`], 'for the other']);
      equal(await database.rows('SELECT text FROM note', one.token), [['for one']], 'SQL');
      equal(await database.rows('SELECT COUNT(*) AS n FROM note', one.token), [[1]], 'COUNT');
      equal(
        await database.rows("SELECT text FROM note WHERE text = 'for the other' OR id > 0", one.token),
        [['for one']],
        'OR',
      );
      const client = await database.connect({ token: one.token });
      const only = (tables: readonly { table: string; rows: readonly string[] }[]) =>
        tables
          .filter(({ table }) => table === 'note')
          .flatMap(({ rows }) => rows.map((hex) => Buffer.from(hex, 'hex').toString().slice(-7)));
      client.send(
        clientMessage.subscribe(1, 1, 'SELECT * FROM note'),
        clientMessage.subscribe(2, 2, 'SELECT * FROM *'),
      );
      equal(only((await client.next('SubscribeApplied')).rows), ['for one'], 'subscription');
      equal(only((await client.next('SubscribeApplied')).rows), ['for one'], 'SELECT * FROM *');
      client.send(clientMessage.oneOff(3, 'SELECT * FROM note'));
      const { result } = await client.next('OneOffQueryResult');
      equal(typeof result === 'string' ? result : only(result), ['for one'], 'one-off');
    },
  ],
  [
    'rule-with-or',
    'module.visibility',
    'a rule may have any condition on its table',
    async (server) => {
      const database = await server.fresh('events');
      const [one, other] = [await server.caller(), await server.caller()];
      await database.commit('publish', [1, [`0x${one.identity}`], false, 'a draft']);
      await database.commit('publish', [2, [`0x${one.identity}`], true, 'a post']);
      equal(await database.rows('SELECT id FROM post WHERE id = 1', one.token), [[1]], 'the draft, for its author');
      equal(await database.rows('SELECT id FROM post', other.token), [[2]], 'what others see');
      const reader = await database.connect({ token: other.token });
      reader.send(clientMessage.subscribe(1, 1, 'SELECT * FROM post'));
      equal((await reader.next('SubscribeApplied')).rows[0]?.rows.length, 1, 'rows at first');
      await database.commit('publish', [1, [`0x${one.identity}`], true, 'now a post']);
      const part = (await reader.next('TransactionUpdate')).sets[0]?.tables[0]?.parts[0];
      equal(part && 'inserts' in part && [part.inserts.length, part.deletes.length], [1, 0], 'inserts and deletes');
    },
  ],
  [
    'rules-add-up',
    'module.visibility',
    'of several rules each gives its rows: what two let through comes twice',
    async (server) => {
      const database = await server.fresh('events');
      const [one, other] = [await server.caller(), await server.caller()];
      await database.commit('publish', [1, [`0x${one.identity}`], false, 'a draft']);
      await database.commit('publish', [2, [`0x${one.identity}`], true, 'a paper']);
      const rows = async ({ token }: typeof one) => {
        const client = await database.connect({ token });
        client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM paper'));
        const applied = await client.next('SubscribeApplied');
        return applied.rows
          .flatMap((part) => part.rows)
          .map((hex) => hex.slice(0, 2))
          .sort();
      };
      equal([await rows(one), await rows(other)], [['01', '02', '02'], ['02']], 'rows of the author and of others');
      equal(await database.rows('SELECT id FROM paper WHERE published = FALSE', other.token), [], 'SQL of others');
    },
  ],
  [
    'rule-on-the-right',
    'module.visibility',
    'a table with a rule is not joined as the second one in a subscription, but by its owner',
    async (server) => {
      const database = await server.database('events');
      const query = 'SELECT t.* FROM said t JOIN note n ON t.text = n.text';
      const narrowed = 'SELECT p.* FROM paper p JOIN note n ON p.id = n.id';
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, query), clientMessage.subscribe(2, 2, narrowed));
      for (const request of [1, 2]) equal((await client.next('SubscriptionError')).request, request, 'request');
      const owner = await database.connect({ token: server.owner.token });
      owner.send(clientMessage.subscribe(3, 3, narrowed));
      await owner.next('SubscribeApplied');
    },
  ],
  [
    'rule-for-owner',
    'module.visibility',
    'the owner sees every row',
    async (server) => {
      const database = await server.database('events');
      const { identity } = await server.caller();
      await database.commit('write', [50, [`0x${identity}`], 'of somebody']);
      equal(await database.rows('SELECT text FROM note WHERE id = 50'), [['of somebody']], 'SQL');
    },
  ],
  [
    'rule-on-change',
    'module.visibility',
    'a row that changes hands leaves one reader and comes to the other',
    async (server) => {
      const database = await server.database('events');
      const [one, other] = [await server.caller(), await server.caller()];
      await database.commit('write', [60, [`0x${one.identity}`], 'x']);
      const [mine, theirs] = [
        await database.connect({ token: one.token }),
        await database.connect({ token: other.token }),
      ];
      for (const client of [mine, theirs]) {
        client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM note'));
        await client.next('SubscribeApplied');
      }
      await database.commit('write', [60, [`0x${other.identity}`], 'x']);
      const part = async (client: typeof mine) => {
        const found = (await client.next('TransactionUpdate')).sets[0]?.tables[0]?.parts[0];
        return found && 'inserts' in found ? [found.inserts.length, found.deletes.length] : undefined;
      };
      equal(
        [await part(mine), await part(theirs)],
        [
          [0, 1],
          [1, 0],
        ],
        'inserts and deletes of each',
      );
    },
  ],
]);
