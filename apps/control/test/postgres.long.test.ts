import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { crashSuite } from './suites/crash-suite.ts';
import { issuerSuite } from './suites/issuer-suite.ts';
import { nostrSuite } from './suites/nostr-suite.ts';
import { projectionsSuite } from './suites/projections-suite.ts';
import { writerSuite } from './suites/writer-suite.ts';
import { startHarness } from './support/harness.ts';
import { bindingTemplate, nostrKey } from './support/nostr.ts';
import type { NewPlace } from './support/place.ts';
import { findPostgres, startPostgres } from './support/postgres.ts';
import { ScriptedDatabase } from './support/scripted-database.ts';
import { waitUntil } from './support/wait-until.ts';
import { drafts, openBench } from './support/writer-bench.ts';

// The same tests as on SQLite, against a private PostgreSQL server; it is slow on a busy machine.
jest.setTimeout(30_000);

const postgres = findPostgres();
if ('reason' in postgres) process.stderr.write(`PostgreSQL tests are skipped: ${postgres.reason}.\n`);

(('reason' in postgres ? describe.skip : describe) as typeof describe)('on PostgreSQL', () => {
  let newPlace: NewPlace;
  const place: NewPlace = () => newPlace();

  beforeAll(async () => {
    if ('bin' in postgres) newPlace = await startPostgres(postgres.bin);
  }, 60_000);

  writerSuite(place);
  crashSuite(place, 3);
  projectionsSuite(place);
  issuerSuite(place);
  nostrSuite(place);

  test('I3 I4 two replicas that accept and deliver at the same time keep every stream in one order, once', async () => {
    const where = await place();
    const database = new ScriptedDatabase();
    const replicas = [
      await openBench({ ...where, database, ports: systemPorts, limits: { poll: 50 } }),
      await openBench({ ...where, database, ports: systemPorts, limits: { poll: 50 } }),
    ];
    const ids = ['runtime.run.a', 'runtime.run.b'];
    try {
      for (const { sink, writer } of replicas) {
        sink.start();
        writer.start();
      }
      // Each replica takes half of the requests, all at once.
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const replica = replicas[index % 2];
          await replica?.accept(
            'feed',
            ids.flatMap((id) => drafts(id, index * 5, 5)),
          );
          replica?.writer.nudge(ids);
        }),
      );
      await waitUntil(async () => (await replicas[0]?.outbox.depth())?.pending === 0);
      for (const id of ids) {
        const rows = await replicas[0]?.store.db
          .selectFrom('outbox')
          .select(['idempotency_key', 'seq'])
          .where('stream_id', '=', id)
          .orderBy('position')
          .execute();
        expect(rows?.length).toBe(200);
        expect(database.keys(id)).toEqual(rows?.map((row) => row.idempotency_key));
        expect(rows?.map((row) => row.seq)).toEqual(Array.from({ length: 200 }, (_, index) => `${index + 1}`));
        const progress = await replicas[0]?.outbox.progress(id);
        expect(progress).toMatchObject({ last_seq: '200', delivered: 200 });
        expect(progress?.chain).not.toBeNull();
      }
    } finally {
      for (const replica of replicas) await replica.close();
    }
  });

  test('I15 of two replicas that use one challenge at the same time one wins', async () => {
    const shared = { store: (await place()).store, scripted: new ScriptedDatabase() };
    const [ada, eve] = [nostrKey('ada'), nostrKey('eve')];
    const replicas = [await startHarness(shared), await startHarness(shared)];
    const limit = { nostrLimit: { burst: 1_000, perMinute: 1_000 } };
    const asking = await startHarness({ ...shared, ...limit });
    try {
      for (let round = 0; round < 8; round += 1) {
        const { body: asked } = await asking.request('POST', '/v1/nostr/challenges', { as: 'desktop' });
        const events = [ada, eve].map((key) => key.sign(bindingTemplate(asked, Date.now() / 1_000)));
        const answers = await Promise.all(
          replicas.map((replica, index) =>
            replica.request('POST', '/v1/nostr/bindings', { as: 'desktop', body: { event: events[index] } }),
          ),
        );
        expect(answers.map(({ status, body }) => body.code ?? status).sort()).toEqual([200, 'challenge_used']);
        expect(shared.scripted.keysBound.size).toBe(1);
        shared.scripted.keysBound.clear();
      }
    } finally {
      for (const each of [...replicas, asking]) await each.control.close();
    }
  });

  test('I3 a replica that has fallen behind another puts no event in the place of an earlier one', async () => {
    const id = 'runtime.run.a';
    const shared = {
      ...(await place()),
      ...{ database: new ScriptedDatabase(), ports: systemPorts, limits: { window: 4, poll: 60_000 } },
    };
    const [one, other] = [await openBench(shared), await openBench(shared)];
    const send = async ({ accept, writer, outbox }: typeof one, from: number, count: number) => {
      await accept('feed', drafts(id, from, count));
      writer.nudge([id]);
      await waitUntil(async () => (await outbox.depth()).pending === 0);
    };
    try {
      for (const { sink, writer } of [one, other]) {
        sink.start();
        writer.start();
      }
      await send(one, 0, 2);
      await send(other, 2, 3);
      // The first one has counted to 2, so the last event of its window would get 6: the next sequence there is.
      await send(one, 5, 4);
      expect(shared.database.keys(id)).toEqual(drafts(id, 0, 9).map((draft) => draft.idempotency_key));
    } finally {
      await one.close();
      await other.close();
    }
  });
});
