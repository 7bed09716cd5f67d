import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { cutoverSuite } from '../suites/cutover-suite.ts';
import { listeningSuite } from '../suites/listening-suite.ts';
import { mirrorSuite } from '../suites/mirror-suite.ts';
import { paritySuite } from '../suites/parity-suite.ts';
import { sagaSuite } from '../suites/saga-suite.ts';
import { startCutover } from '../support/cutover.ts';
import type { NewPlace } from '../support/place.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

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

  mirrorSuite(place);
  cutoverSuite(place);
  listeningSuite(place);
  sagaSuite(place);
  paritySuite(place);

  test('K3 of two managers at two replicas exactly one wins, and both see the same', async () => {
    const where = await place();
    const replicas = [await startCutover(where), await startCutover(where)];
    const [first, second] = replicas;
    if (first === undefined || second === undefined) throw new Error('no replicas');
    expect((await second.get('state')).body.state).toEqual((await first.get('state')).body.state);
    for (let round = 0; round < 10; round += 1) {
      const { revision } = (await first.get('state')).body.state;
      const answers = await Promise.all(
        [first, second, first, second].map((replica, n) =>
          replica.request('POST', '/v1/cutover/cohort', {
            as: ['anna', 'bert'][n % 2] ?? '',
            body: { revision, idempotency_key: `race-${round}-${n}`, reason: 'race', cap: n },
          }),
        ),
      );
      expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409, 409, 409]);
    }
    expect((await second.get('audit/verify')).body).toMatchObject({ ok: true, records: 10 });
    for (const replica of replicas) await replica.control.close();
  }, 20_000);
});
