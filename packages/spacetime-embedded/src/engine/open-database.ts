import { type CommitLog, MemoryLog, type ModuleMark } from './commit-log.ts';
import { CommittedState } from './committed-state.ts';
import { removeAll, segmentPath } from './data-files.ts';
import type { EngineDatabase } from './database.ts';
import { Engine } from './engine.ts';
import { loadSchema } from './load-schema.ts';
import type { OpenDatabaseOptions } from './open-database-options.ts';
import { openDiskLog, type SetAside } from './open-log.ts';

/**
 * Opens a database, creating it when it does not exist.
 *
 * @throws {EngineError} see `engineErrors` for the codes.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<EngineDatabase> {
  checkIdentity('owner', options.owner);
  checkIdentity('databaseIdentity', options.databaseIdentity);
  const { script, schema } = await loadSchema(options.module);
  const mark: ModuleMark = { hash: schema.definition.moduleHash, shape: schema.shape };
  const seed = Math.floor(options.ports.random.next() * 2 ** 32) | 0;
  const state = new CommittedState(schema, seed);
  const cuts: SetAside[] = [];
  const log = await openLog(options, state, mark, cuts);
  try {
    const engine = new Engine(options, schema, script, state, log, seed);
    if (state.module === undefined) engine.create(mark);
    else if (state.module.hash !== mark.hash) engine.replaceModule(mark);
    engine.start();
    for (const { path, from, bytes, into } of cuts) {
      engine.warn(`${bytes} bytes of ${path} from byte ${from} on were not whole; they are in ${into}.`);
    }
    return engine;
  } catch (cause) {
    await log.close();
    // A database that was not created leaves nothing behind.
    if (options.dataDir !== undefined && state.module === undefined) {
      await removeAll([segmentPath(options.dataDir, 0n)]);
    }
    throw cause;
  }
}

async function openLog(
  options: OpenDatabaseOptions,
  state: CommittedState,
  mark: ModuleMark,
  cuts: SetAside[],
): Promise<CommitLog> {
  const { dataDir, databaseIdentity, owner, ports, durability, initial } = options;
  if (dataDir === undefined) {
    if (initial !== undefined) state.restoreImage(initial);
    return new MemoryLog(state.offset);
  }
  return openDiskLog(
    {
      directory: dataDir,
      file: { identity: databaseIdentity, owner },
      scheduler: ports.scheduler,
      syncDelayMs: durability?.syncDelayMs ?? 10,
      snapshotAfterBytes: durability?.snapshotAfterBytes ?? 32 << 20,
      salvage: durability?.salvage ?? false,
      setAside: (cut) => cuts.push(cut),
      shape: mark.shape,
    },
    state,
  );
}

function checkIdentity(name: string, value: string): void {
  if (/^[0-9a-f]{64}$/.test(value)) return;
  throw new TypeError(`${name} must be 64 lowercase hex digits`);
}
