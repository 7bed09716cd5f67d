import type { EventDraft } from '@autopilot/sync-contract';
import type { Transaction } from 'kysely';
import type { Schema } from '../store/schema.ts';

/** Writes accepted events down for khala as well, in the transaction that accepts them. */
export interface MirrorIntake {
  /** Whether streams that begin now are mirrored. */
  readonly enabled: boolean;
  take(tx: Transaction<Schema>, drafts: readonly EventDraft[], now: number): Promise<void>;
}

/** What the intake depends on. */
export interface MirrorIntakeOptions {
  /** Whether there is a khala to write to, and the stage still wants it. */
  readonly enabled: () => boolean;
  /** Events that may wait for khala. */
  readonly capacity: number;
  /** Tells of a stream that is mirrored no more. */
  readonly broken: (streamId: string, reason: MirrorBreak, events: number) => void;
}

/**
 * Why a stream is mirrored no more: the mirror was full, it was off, khala refused an event, or the database has begun
 * another epoch. Later events would stand at other positions there than in the database.
 */
export type MirrorBreak = 'full' | 'off' | 'refused' | 'epoch';

/**
 * An intake. Only streams that began with the mirror on are mirrored, so that both lanes count the same positions from
 * one. It never refuses an event: with khala away for too long, streams are given up instead.
 */
export function createMirrorIntake({ enabled, capacity, broken }: MirrorIntakeOptions): MirrorIntake {
  return {
    get enabled() {
      return enabled();
    },
    async take(tx, drafts, now) {
      const streamIds = [...new Set(drafts.map((draft) => draft.stream_id))];
      const rows = await tx
        .selectFrom('stream')
        .select('stream_id')
        .where('stream_id', 'in', streamIds)
        .where('mirror', '=', 'on')
        .execute();
      if (rows.length === 0) return;
      const mirrored = new Set(rows.map((row) => row.stream_id));
      const taken = drafts.filter((draft) => mirrored.has(draft.stream_id));
      const reason = enabled() ? ((await waiting(tx)) + taken.length > capacity ? 'full' : undefined) : 'off';
      if (reason === undefined) {
        const values = taken.map(({ stream_id, kind, payload, idempotency_key }) => {
          return { stream_id, kind, payload, idempotency_key, accepted_at: now };
        });
        await tx.insertInto('mirror').values(values).execute();
        return;
      }
      const set = { mirror: 'broken', mirror_reason: reason } as const;
      await tx
        .updateTable('stream')
        .set(set)
        .where('stream_id', 'in', [...mirrored])
        .execute();
      for (const streamId of mirrored) {
        broken(streamId, reason, taken.filter((draft) => draft.stream_id === streamId).length);
      }
    },
  };
}

async function waiting(tx: Transaction<Schema>): Promise<number> {
  const query = tx.selectFrom('mirror').select((e) => e.fn.countAll<number>().as('count'));
  return (await query.executeTakeFirstOrThrow()).count;
}
