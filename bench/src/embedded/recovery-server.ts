// Opens a database and tells what that took; see measure-recovery.ts.
import { type EngineDatabase, openDatabase } from '@autopilot/spacetime-embedded';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { answerParent } from '../host/child.ts';
import { bundleModule } from './bundle-module.ts';
import { callReducer } from './raw-client.ts';

/** What a process that opens a database is asked. */
export type RecoveryQuestion =
  /** Makes the bundle of the module, which is no part of a start. */
  | { readonly ask: 'bundle' }
  | { readonly ask: 'open'; readonly dataDir: string; readonly snapshots: boolean }
  /** Rows of the table `item`, so many a commit. */
  | { readonly ask: 'write'; readonly rows: number; readonly perCommit: number }
  | { readonly ask: 'count' }
  | { readonly ask: 'cpu' }
  | { readonly ask: 'close' };

const owner = `c200${'11'.repeat(30)}`;
let module: Uint8Array | undefined;
let database: EngineDatabase | undefined;

answerParent<RecoveryQuestion>(async (question) => {
  switch (question.ask) {
    case 'bundle':
      module = await bundleModule();
      return undefined;
    case 'open':
      if (module === undefined) throw new Error('There is no bundle.');
      database = await openDatabase({
        module,
        owner,
        databaseIdentity: `c200${'22'.repeat(30)}`,
        dataDir: question.dataDir,
        ports: systemPorts,
        // Never, or at every close.
        durability: { snapshotAfterBytes: question.snapshots ? 8 : 2 ** 40 },
      });
      return undefined;
    case 'write':
      return write(question.rows, question.perCommit);
    case 'count': {
      const item = database?.definition.tables.get('item');
      return item === undefined || database === undefined ? 0 : Array.from(database.rows(item)).length;
    }
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return user + system;
    }
    case 'close':
      return database?.close();
  }
});

async function write(rows: number, perCommit: number): Promise<void> {
  const text = 'x'.repeat(200);
  for (let first = 0; first < rows; first += perCommit) {
    const count = Math.min(perCommit, rows - first);
    const message = callReducer(0, 'fill_items', (writer) => {
      writer.writeU64(BigInt(first));
      writer.writeU32(count);
      writer.writeString(text);
    });
    // tag, request, flags, name, length of the arguments
    const args = message.subarray(1 + 4 + 1 + 4 + 'fill_items'.length + 4);
    const result = database?.callReducer('fill_items', args, { identity: owner, connectionId: undefined });
    if (result?.outcome !== 'committed') throw new Error(`not committed: ${JSON.stringify(result?.outcome)}`);
    // The log writes when the event loop has its turn.
    if ((first / perCommit) % 512 === 0) await new Promise((resolve) => setTimeout(resolve, 12));
  }
}
