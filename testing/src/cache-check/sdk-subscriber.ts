import { DbConnectionBuilder } from 'spacetimedb';
import { type RecordFile, viewOf } from './record-file.ts';
import { eventTable, type PublicTable, publicTables, queries, type RowText, rowText } from './rows.ts';
import {
  cellsOf,
  remoteModule,
  type SdkConfig,
  SdkConnection,
  type SdkContext,
  type SdkRow,
  type SdkTables,
} from './sdk-module.ts';
import type { SubscriberConfig } from './subscriber-config.ts';

const tables = Object.keys(publicTables) as readonly PublicTable[];
/** The SDK does not reconnect by itself; this is what its documentation leaves to the user, in its plainest form. */
const reconnectMs = 250;

/** Follows the tables with the official client, and records every message and the cache behind it. */
export function startSdkSubscriber(config: SubscriberConfig, record: RecordFile): void {
  const again = (reason: string) => {
    record.write({ k: 'lost', at: Date.now(), reason });
    setTimeout(connect, reconnectMs);
  };

  function connect(): void {
    let over = false;
    const ended = (reason: string) => {
      if (over) return;
      over = true;
      again(reason);
    };
    const connection = new DbConnectionBuilder(remoteModule, (given) => new SdkConnection(given as SdkConfig))
      .withUri(config.uri)
      .withDatabaseName(config.database)
      .withToken(config.token)
      .withCompression(config.sdkCompression)
      .withConfirmedReads(config.reads === 'confirmed')
      .onConnect(() => {
        record.write({ k: 'open', at: Date.now() });
        connection
          .subscriptionBuilder()
          .onApplied(() => {
            const rows = shownBy(cache);
            record.seen({ source: 'baseline', in: rows, out: [], events: [], view: viewOf(rows) });
          })
          .onError((context) => {
            const message = String(context.event ?? 'the subscription failed');
            record.write({ k: 'failed', at: Date.now(), message });
          })
          .subscribe([...queries]);
      })
      .onConnectError((_context, error) => ended(error.message))
      .onDisconnect((_context, error) => ended(error?.message ?? 'closed'))
      .build();
    const cache = connection.db as unknown as SdkTables;
    listen(cache, record);
  }
  connect();
}

function shownBy(cache: SdkTables): RowText[] {
  return tables.flatMap((table) => [...cache[table].iter()].map((row) => rowText(table, cellsOf(table, row))));
}

/** Gathers the callbacks of one message: all of them run in one go, after all of the message is in the cache. */
function listen(cache: SdkTables, record: RecordFile): void {
  let gathered: { id: string; in: RowText[]; out: RowText[]; events: number[]; view: ReturnType<typeof viewOf> };
  let open = false;
  const flush = () => {
    if (!open) return;
    open = false;
    const { id: _id, ...seen } = gathered;
    record.seen({ source: 'transaction', ...seen });
  };
  const told = ({ event }: SdkContext, take: (into: typeof gathered) => void) => {
    // The rows of a snapshot were recorded as a whole.
    if (event.tag === 'SubscribeApplied') return;
    if (open && gathered.id !== event.id) flush();
    if (!open) {
      open = true;
      gathered = { id: event.id, in: [], out: [], events: [], view: viewOf(shownBy(cache)) };
      queueMicrotask(flush);
    }
    take(gathered);
  };
  for (const table of tables) {
    const textOf = (row: SdkRow) => rowText(table, cellsOf(table, row));
    cache[table].onInsert((context, row) => told(context, (into) => into.in.push(textOf(row))));
    cache[table].onDelete((context, row) => told(context, (into) => into.out.push(textOf(row))));
    cache[table].onUpdate((context, before, after) =>
      told(context, (into) => {
        into.out.push(textOf(before));
        into.in.push(textOf(after));
      }),
    );
  }
  cache[eventTable].onInsert((context, row) => told(context, (into) => into.events.push(Number(row.n))));
}
