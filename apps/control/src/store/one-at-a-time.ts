import type { Transaction } from 'kysely';
import type { Schema } from './schema.ts';

/** Waits until no other transaction, on whichever replica, holds the same name. Held until the end of this one. */
export async function oneAtATime(tx: Transaction<Schema>, name: string): Promise<void> {
  await tx
    .insertInto('meta')
    .values({ key: name, value: '' })
    .onConflict((c) => c.column('key').doUpdateSet({ value: '' }))
    .execute();
}
