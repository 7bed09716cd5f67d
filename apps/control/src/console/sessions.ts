import { hash } from 'node:crypto';
import type { Clock, Random } from '@autopilot/sync-contract';
import type { Store } from '../store/open-store.ts';
import { storedNow } from '../store/stored-time.ts';

/** Somebody who is signed in. */
export interface ConsoleSession {
  readonly client_id: string;
  /** Milliseconds since the Unix epoch. */
  readonly expires_at: number;
}

/** The sessions of the console. They outlive a restart, and every replica knows them. */
export interface ConsoleSessions {
  /** Begins a session and returns what its cookie holds. */
  begin(clientId: string): Promise<{ readonly token: string; readonly session: ConsoleSession }>;
  /** The session of a token; undefined when it is unknown or over. Being used lengthens it. */
  find(token: string): Promise<ConsoleSession | undefined>;
  end(token: string): Promise<void>;
}

/** How long a session lasts that nobody uses, and how long one lasts at most; milliseconds. */
const sessionLimits = { idle: 30 * 60_000, whole: 8 * 3_600_000 };

/** Sessions in the store, by the hash of their token: who reads the store cannot use them. */
export function createConsoleSessions({ db }: Store, clock: Clock, random: Random): ConsoleSessions {
  return {
    async begin(clientId) {
      const now = storedNow(clock);
      await db.deleteFrom('console_session').where('expires_at', '<=', now).execute();
      const token = Buffer.from(random.bytes(32)).toString('base64url');
      const expires_at = now + sessionLimits.idle;
      const row = { token_hash: digest(token), client_id: clientId, began_at: now, expires_at };
      await db.insertInto('console_session').values(row).execute();
      return { token, session: { client_id: clientId, expires_at } };
    },

    async find(token) {
      const now = storedNow(clock);
      const row = await db
        .selectFrom('console_session')
        .selectAll()
        .where('token_hash', '=', digest(token))
        .executeTakeFirst();
      if (row === undefined || row.expires_at <= now) return undefined;
      const { client_id, began_at } = row;
      const longest = Math.min(now + sessionLimits.idle, began_at + sessionLimits.whole);
      // Not with every request: a page asks every few seconds.
      if (longest - row.expires_at < sessionLimits.idle / 30) return { client_id, expires_at: row.expires_at };
      const query = db.updateTable('console_session').set({ expires_at: longest });
      await query.where('token_hash', '=', row.token_hash).execute();
      return { client_id, expires_at: longest };
    },

    async end(token) {
      await db.deleteFrom('console_session').where('token_hash', '=', digest(token)).execute();
    },
  };
}

function digest(token: string): string {
  return hash('sha256', token, 'hex');
}
