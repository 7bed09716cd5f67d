import type { Clock, Random } from '@autopilot/sync-contract';
import type { Kysely, Transaction } from 'kysely';
import type { KnownClient } from '../config/client-registry.ts';
import { ControlError } from '../errors.ts';
import { auditRow } from '../store/audit.ts';
import { oneAtATime } from '../store/one-at-a-time.ts';
import type { Store } from '../store/open-store.ts';
import type { Schema } from '../store/schema.ts';
import { storedNow } from '../store/stored-time.ts';
import type { BindingProof } from './binding-event.ts';

/** How long a challenge is good, milliseconds. For as long again it is remembered, so that who comes late is told so. */
const timeToLive = 300_000;

/** How many challenges may be good at one time. */
export interface ChallengeLimits {
  readonly perClient: number;
  readonly overall: number;
}

/** 16 for each client, 10,000 for all. */
export const defaultChallengeLimits: ChallengeLimits = { perClient: 16, overall: 10_000 };

/** Something for a key to sign. */
export interface Challenge {
  /** 64 lowercase hexadecimal digits. */
  readonly challenge: string;
  /** Milliseconds since the Unix epoch. */
  readonly expires_at: number;
}

/** What Nostr keys are asked to sign. */
export interface Challenges {
  /** A new challenge for the identity of a client. Rejects with {ControlError} `rate_limited` beyond the limits. */
  issue(client: KnownClient): Promise<Challenge>;
  /**
   * Uses up the challenge of a proof, and notes by whom, in one transaction. Of all that try, on whichever replica, one
   * succeeds. Rejects with {ControlError}, in this order: `challenge_unknown`, `challenge_expired`, `challenge_used`,
   * `challenge_foreign`.
   */
  spend(proof: BindingProof, client: KnownClient): Promise<void>;
}

/** Challenges in the store: every replica knows them, and they outlive a restart. */
export function createChallenges(store: Store, clock: Clock, random: Random, limits: ChallengeLimits): Challenges {
  return {
    issue: ({ client_id, identity }) =>
      store.db.transaction().execute(async (tx) => {
        await oneAtATime(tx, 'nostr-challenges');
        const now = storedNow(clock);
        await forgetChallenges(tx, now);
        await refuseBeyond(tx, now, limits.overall, undefined);
        await refuseBeyond(tx, now, limits.perClient, client_id);
        const challenge = Buffer.from(random.bytes(32)).toString('hex');
        const expires_at = now + timeToLive;
        await tx.insertInto('nostr_challenge').values({ challenge, client_id, identity, expires_at }).execute();
        return { challenge, expires_at };
      }),

    spend: ({ challenge, event_id, pubkey }, { client_id, subject, identity }) =>
      store.db.transaction().execute(async (tx) => {
        const now = storedNow(clock);
        const row = await tx
          .selectFrom('nostr_challenge')
          .selectAll()
          .where('challenge', '=', challenge)
          .executeTakeFirst();
        if (row === undefined) throw new ControlError('challenge_unknown', 'Control has not made this challenge.');
        if (row.expires_at <= now) throw new ControlError('challenge_expired', 'The challenge is no longer good.');
        if (row.used_at !== null) throw used();
        if (row.identity !== identity) {
          throw new ControlError('challenge_foreign', 'The challenge was made for another identity.');
        }
        const { numUpdatedRows } = await tx
          .updateTable('nostr_challenge')
          .set({ used_at: now, event_id, pubkey })
          .where('challenge', '=', challenge)
          .where('used_at', 'is', null)
          .executeTakeFirstOrThrow();
        // Another replica was faster between the two statements.
        if (numUpdatedRows !== 1n) throw used();
        const details = { pubkey, event_id, challenge };
        const record = { event: 'nostr.proved', client_id, subject, reason: 'proved', details } as const;
        await tx.insertInto('audit_event').values(auditRow(record, now)).execute();
      }),
  };
}

/** Deletes the challenges that nobody needs to be told of any more. */
export async function forgetChallenges(db: Kysely<Schema>, now: number): Promise<void> {
  await db
    .deleteFrom('nostr_challenge')
    .where('expires_at', '<=', now - timeToLive)
    .execute();
}

async function refuseBeyond(
  tx: Transaction<Schema>,
  now: number,
  most: number,
  clientId: string | undefined,
): Promise<void> {
  let query = tx
    .selectFrom('nostr_challenge')
    .select((e) => [e.fn.countAll<number>().as('good'), e.fn.min('expires_at').as('first')])
    .where('expires_at', '>', now);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  const { good, first } = await query.executeTakeFirstOrThrow();
  if (good < most) return;
  const message =
    clientId === undefined
      ? `There are ${good} challenges, as many as there may be.`
      : `This client has ${good} challenges, as many as it may have.`;
  throw new ControlError('rate_limited', message, { details: { retry_after: ((first ?? now) - now) / 1_000 } });
}

function used(): ControlError {
  return new ControlError('challenge_used', 'The challenge was signed and sent before: each is good for one event.');
}
