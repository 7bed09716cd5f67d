import { beforeAll, describe } from '@jest/globals';
import { cutoverSuite } from '../suites/cutover-suite.ts';
import { mirrorSuite } from '../suites/mirror-suite.ts';
import { sagaSuite } from '../suites/saga-suite.ts';
import type { NewPlace } from '../support/place.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

// The same tests as on SQLite, against a private PostgreSQL server.

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
  sagaSuite(place);
});
