import { bundleModule } from './bundle-module.ts';
import { checkRecord } from './check-record.ts';
import { checkServer } from './check-server.ts';
import { mintToken, readServerEnd, sql } from './http-api.ts';
import { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

/** Tables with and without a primary key, and an event table, by the module of the check. */
export function tablesWorkload(): Workload {
  return {
    name: 'tables',
    bundle: bundleModule,
    prepare: async () => {},
    token: ({ url }) => mintToken(url),
    head: async (database) => Number((await sql(database, 'SELECT * FROM head'))[0]?.[1]),
    async judge(database) {
      const end = await readServerEnd(database);
      const isNumbered = end.ledger.every((entry, index) => entry.n === index + 1);
      // A ledger with a hole is a finding of its own, and nothing can be compared with it.
      const truth = new Truth(isNumbered ? end.ledger : []);
      return {
        transactions: truth.head,
        logs: 1,
        server: (writers) => checkServer(end, writers),
        subscriber: (record, reads) => checkRecord(record, truth, reads),
        log: end.ledger,
      };
    },
    close: async () => {},
  };
}
