import { type Binding, officialBuilder, rowsOf } from './official-bindings.ts';
import { ScriptedAdapter } from './scripted-adapter.ts';
import { initialConnection, subscribeApplied } from './server-frames.ts';

/** The official client, connected, subscribed and ready to be handed frames. */
export interface OfficialClient {
  /** Hands over one frame, as the client's own transport does after it has looked at the compression tag. */
  receive(frame: Uint8Array): void;
  /** Rows that onInsert has told of. */
  readonly told: number;
  /** Rows in its cache. */
  readonly kept: number;
}

/**
 * Connects the official client to a transport of this process. Its rows come with the query set `querySetId`.
 */
export async function connectOfficial(binding: Binding, querySetId: number): Promise<OfficialClient> {
  const adapter = new ScriptedAdapter();
  const connection = officialBuilder(binding)
    .withUri('http://bench.test')
    .withDatabaseName('bench')
    .withWSFn(async () => adapter)
    .build();
  await adapter.isListenedTo;
  adapter.open();
  adapter.receive(initialConnection());
  // The client numbers its query sets from 0: those before the wanted one are answered empty.
  for (let id = 0; id <= querySetId; id += 1) {
    connection.subscriptionBuilder().subscribe([`SELECT * FROM ${binding.table}`]);
    if (id < querySetId) adapter.receive(subscribeApplied(id, id, binding.table));
  }
  const rows = rowsOf(connection);
  let told = 0;
  rows.onInsert(() => {
    told += 1;
  });
  return {
    receive: (frame) => adapter.receive(frame),
    get told() {
      return told;
    },
    get kept() {
      return Number(rows.count());
    },
  };
}
