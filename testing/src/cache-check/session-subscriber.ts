import type { RecordFile } from './record-file.ts';
import { viewOf } from './record-file.ts';
import { columnsOf, decodeCells, eventTable, type PublicTable, publicTables, queries, rowText } from './rows.ts';
import { openSession } from './session-options.ts';
import type { SubscriberConfig } from './subscriber-config.ts';

const tables = Object.keys(publicTables) as readonly PublicTable[];

/** Follows the tables with our session, and records every batch and the cache behind it. */
export function startSessionSubscriber(config: SubscriberConfig, record: RecordFile): void {
  const session = openSession({ ...config, name: `subscriber-${process.pid}` });
  session.listen((signal) => {
    if (signal.type === 'state' && signal.to === 'backoff') {
      record.write({ k: 'lost', at: Date.now(), reason: session.status().last_close?.code ?? '' });
    }
    if (signal.type === 'state' && (signal.to === 'failed' || signal.to === 'needs-auth')) {
      record.write({ k: 'failed', at: Date.now(), message: session.status().last_close?.message ?? signal.to });
    }
  });
  const subscription = session.subscribe<string>(
    queries,
    {
      batch: ({ source, changes }) => {
        const rows = changes.filter(({ table }) => table !== eventTable);
        record.seen({
          source,
          in: rows.flatMap(({ inserts }) => [...inserts]),
          out: rows.flatMap(({ deletes }) => [...deletes]),
          events: changes.flatMap(({ events }) => [...events].map(Number)),
          view: viewOf(tables.flatMap((table) => subscription.rows(table))),
        });
      },
      failed: (error) => record.write({ k: 'failed', at: Date.now(), message: error.message }),
    },
    (table, row) => {
      const cells = decodeCells(columnsOf(table), row.readRest());
      return table === eventTable ? `${cells[0]}` : rowText(table as PublicTable, cells);
    },
  );
  session.start();
}
