import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';
import type { TestDatabase } from '../test-database.ts';

let count = 0;
const newLabel = (what: string) => {
  count += 1;
  return `${what} ${count}`;
};

/** Waits until a label has fired a number of times. */
async function firings(
  database: TestDatabase,
  label: string,
  times: number,
  start: () => Promise<unknown>,
): Promise<readonly unknown[][]> {
  const client = await database.connect();
  client.send(clientMessage.subscribe(1, 1, `SELECT * FROM fired WHERE label = '${label}'`));
  await client.next('SubscribeApplied');
  await start();
  for (;;) {
    const rows = await database.rows(`SELECT text, id FROM fired WHERE label = '${label}'`);
    if (rows.length >= times) return rows;
    await client.next('TransactionUpdate');
  }
}

/** Waits until a timer has no row any more. */
async function gone(database: TestDatabase, label: string): Promise<void> {
  const client = await database.connect();
  client.send(clientMessage.subscribe(1, 1, `SELECT * FROM timer WHERE label = '${label}'`));
  await client.next('SubscribeApplied');
  while ((await database.rows(`SELECT * FROM timer WHERE label = '${label}'`)).length > 0)
    await client.next('TransactionUpdate');
}

const pause = (server: ServerUnderTest, milliseconds: number) =>
  new Promise<void>((resolve) => void server.ports.scheduler.after(milliseconds, resolve));

/** Schedule tables. */
export const scheduleCases = group('schedules', [
  [
    'once',
    'module.schedules',
    'a row with a time fires once, as the database, and is removed',
    async (server) => {
      const database = await server.database('schedules');
      const label = newLabel('once');
      const [[text] = []] = await firings(database, label, 1, () => database.commit('later', [label, 50]));
      equal(text, `${database.identity} true`, 'sender, and whether there is no connection');
      await gone(database, label);
      equal((await database.rows(`SELECT * FROM fired WHERE label = '${label}'`)).length, 1, 'firings');
    },
  ],
  [
    'past',
    'module.schedules',
    'a time in the past fires at once',
    async (server) => {
      const database = await server.database('schedules');
      const label = newLabel('past');
      await firings(database, label, 1, () => database.commit('later', [label, -60_000]));
    },
  ],
  [
    'interval',
    'module.schedules',
    'an interval fires again and again until its row is deleted',
    async (server) => {
      const database = await server.database('schedules');
      const label = newLabel('interval');
      await firings(database, label, 3, () => database.commit('every', [label, 30]));
      await database.commit('cancel', [label]);
      const after = (await database.rows(`SELECT * FROM fired WHERE label = '${label}'`)).length;
      await pause(server, 150);
      equal(
        (await database.rows(`SELECT * FROM fired WHERE label = '${label}'`)).length,
        after,
        'firings after the deletion',
      );
    },
  ],
  [
    'cancelled',
    'module.schedules',
    'a row that is deleted before its time does not fire',
    async (server) => {
      const database = await server.database('schedules');
      // On a slow server the row may fire before it can be deleted: then there must be more time.
      for (let milliseconds = 200; ; milliseconds *= 2) {
        const label = newLabel('cancelled');
        const started = server.ports.clock.monotonic();
        await database.commit('later', [label, milliseconds]);
        await database.commit('cancel', [label]);
        if (server.ports.clock.monotonic() - started > milliseconds / 2) continue;
        await pause(server, milliseconds * 2);
        equal(await database.rows(`SELECT * FROM fired WHERE label = '${label}'`), [], 'firings');
        return;
      }
    },
  ],
  [
    'rolled-back',
    'module.schedules',
    'a row of a reducer that fails does not fire',
    async (server) => {
      const database = await server.database('schedules');
      const label = newLabel('rolled back');
      equal((await database.call('later_and_fail', [label])).status, 530, 'status');
      await pause(server, 100);
      equal(await database.rows(`SELECT * FROM fired WHERE label = '${label}'`), [], 'firings');
    },
  ],
  [
    'failing',
    'module.schedules',
    'a row whose reducer throws is removed and not tried again',
    async (server) => {
      const database = await server.database('schedules');
      for (const what of ['fails', 'refuses']) {
        const label = newLabel(what);
        await database.commit('later', [label, 20]);
        await gone(database, label);
      }
    },
  ],
  [
    'too-late',
    'module.schedules',
    'a delay of more than two years is an error of the module',
    async (server) => {
      const database = await server.database('schedules');
      const label = newLabel('too late');
      await database.commit('too_late', [label]);
      equal(
        await database.rows(`SELECT text FROM fired WHERE label = '${label}'`),
        [['ScheduleAtDelayTooLong']],
        'name of the error',
      );
    },
  ],
  [
    'procedure',
    'module.schedules',
    'a procedure is scheduled; its row is gone when it runs',
    async (server) => {
      const database = await server.database('schedules');
      const label = newLabel('procedure');
      const [[text] = []] = await firings(database, label, 1, () => database.commit('later_job', [label]));
      check(text === '0', `the procedure saw ${text} rows of its table`);
    },
  ],
]);
