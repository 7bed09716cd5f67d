import path from 'node:path';
import { type CheckpointStore, openCheckpointStore, type StoreScope } from '@autopilot/checkpoint';
import { isCodedError, type Ports } from '@autopilot/sync-contract';
import { DesktopError, type DesktopErrorCode } from '../errors.ts';
import type { Binding } from './binding.ts';

/** Where the streams of an account are kept, and under which name. */
export interface StorePlace {
  readonly dataDir: string;
  readonly environment: string;
  /** The name of the account before the first token has told whose streams these are; nothing is stored under it. */
  readonly clientId: string;
}

/** Before the first token nobody knows which database this will be; nothing is ever stored under this name. */
const unbound = '(unbound)';

/** The file of all streams of a data folder. */
export function storeFile(dataDir: string): string {
  return path.join(dataDir, 'checkpoints.sqlite');
}

/**
 * Opens the event store of a desktop.
 *
 * @throws {DesktopError} `data_dir_locked`, `data_dir_unusable`, `store_foreign`.
 */
export async function openStore(
  { dataDir, environment, clientId }: StorePlace,
  binding: Binding | undefined,
  ports: Ports,
): Promise<CheckpointStore> {
  const scope: StoreScope =
    binding === undefined
      ? { environment, database: unbound, account: clientId }
      : { environment, database: binding.database, account: binding.identity };
  try {
    // Every event can be read again from the host, so the last ones may go with the power; none is ever torn.
    return await openCheckpointStore({ ...ports, file: storeFile(dataDir), scope, synchronous: 'NORMAL' });
  } catch (cause) {
    if (!isCodedError(cause)) throw cause;
    const message = `The data folder "${dataDir}" cannot be used: ${(cause as Error).message}`;
    throw new DesktopError(openErrors[cause.code] ?? 'data_dir_unusable', message, { cause });
  }
}

const openErrors: Readonly<Record<string, DesktopErrorCode>> = {
  locked: 'data_dir_locked',
  schema_newer: 'store_foreign',
  not_a_checkpoint_file: 'store_foreign',
};
