import type { Store } from './open-store.ts';

/** Sets a fact unless it is set already, and returns the one that is stored. */
export async function claimMeta(store: Store, key: string, value: string): Promise<string> {
  await store.db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((c) => c.column('key').doNothing())
    .execute();
  const row = await store.db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirstOrThrow();
  return row.value;
}
