import { forgetChallenges } from '../nostr/challenges.ts';
import type { Store } from './open-store.ts';

/** How long finished things are kept, milliseconds. */
export interface Retention {
  /** Delivered events: as long as a repeated request is answered from the store instead of by the database. */
  readonly delivered: number;
  readonly audit: number;
}

/** A week of delivered events, thirty days of audit. */
export const defaultRetention: Retention = { delivered: 7 * 86_400_000, audit: 30 * 86_400_000 };

/** Deletes what is older. Waiting and dead events stay whatever their age. */
export async function sweepStore({ db }: Store, retention: Retention, now: number): Promise<void> {
  await db
    .deleteFrom('outbox')
    .where('state', '=', 'delivered')
    .where('delivered_at', '<', now - retention.delivered)
    .execute();
  await db
    .deleteFrom('audit_event')
    .where('at', '<', now - retention.audit)
    .execute();
  await forgetChallenges(db, now);
}
