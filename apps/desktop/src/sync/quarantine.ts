import { existsSync } from 'node:fs';
import type { CheckpointStore, QuarantinedConflict } from '@autopilot/checkpoint';
import { canonicalJson, type Ports, type StreamPosition } from '@autopilot/sync-contract';
import { DesktopError } from '../errors.ts';
import { bindingFile, readBinding } from './binding.ts';
import { openStore, storeFile } from './open-store.ts';

/**
 * The conflicts of a stream that nobody has explained yet. An event whose payload did not match its hash, and which was
 * applied afterwards, had only been damaged on its way.
 */
export function openConflicts(
  store: Pick<CheckpointStore, 'quarantined'>,
  streamId: string,
  reached: StreamPosition | null,
): readonly QuarantinedConflict[] {
  return store.quarantined(streamId).filter(({ reason, event }) => {
    const isPast = reached !== null && event.epoch === reached.epoch && event.seq <= reached.seq;
    return reason !== 'payload_hash_mismatch' || !isPast;
  });
}

/** What to do with the quarantine of a desktop that does not run. */
export interface QuarantineOrder {
  readonly dataDir: string;
  readonly environment: string;
  /** The stream whose conflicts are to be removed; undefined: all are listed. */
  readonly clear: string | undefined;
}

/**
 * Lists what was set aside, or removes what was set aside of a stream. Gives one JSON object per line.
 *
 * @throws {DesktopError} `data_dir_locked` while a desktop runs on the folder, `data_dir_unusable`, `store_foreign`.
 */
export async function quarantineLines(order: QuarantineOrder, ports: Ports): Promise<string[]> {
  const { dataDir, environment, clear } = order;
  if (!existsSync(storeFile(dataDir))) {
    throw new DesktopError('data_dir_unusable', `There is no event store in the data folder "${dataDir}".`);
  }
  const store = await openStore({ dataDir, environment, clientId: '' }, readBinding(bindingFile(dataDir)), ports);
  try {
    if (clear !== undefined) {
      return [canonicalJson({ stream_id: clear, cleared: Number(store.clearQuarantine(clear)) })];
    }
    const counted = store.overflows().flatMap(({ of, stream_id, times, last_reason }) => {
      return of === 'quarantine' ? [canonicalJson({ stream_id, not_kept: Number(times), last_reason })] : [];
    });
    return [...store.quarantined().map(conflictLine), ...counted];
  } finally {
    await store.close();
  }
}

function conflictLine({ stream_id, reason, event, known_hash, times, first_at_ms, last_at_ms }: QuarantinedConflict) {
  const { epoch, seq, kind, payload_hash, idempotency_key, payload } = event;
  return canonicalJson({
    ...{ stream_id, epoch, seq: String(seq), reason, kind, idempotency_key, payload_hash, payload },
    ...(known_hash === undefined ? {} : { applied_payload_hash: known_hash }),
    times: Number(times),
    first_at: new Date(first_at_ms).toISOString(),
    last_at: new Date(last_at_ms).toISOString(),
  });
}
