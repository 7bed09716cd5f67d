import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { Transaction } from 'kysely';
import type { Store } from '../store/open-store.ts';
import type { Schema, SigningKeyRow } from '../store/schema.ts';

/** Makes an ES256 key pair; its kid is the RFC 7638 thumbprint, so it names the key and nothing else. */
export async function generateKey(state: 'next' | 'current', now: number): Promise<SigningKeyRow> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  return {
    kid,
    state,
    public_jwk: JSON.stringify({ ...publicJwk, kid, alg: 'ES256', use: 'sig' }),
    private_jwk: JSON.stringify(await exportJWK(pair.privateKey)),
    published_at: now,
    signing_since: state === 'current' ? now : null,
    retired_at: null,
  };
}

/** Runs a change of the keys alone: several replicas on one store must not rotate at the same moment. */
export async function changeKeys<T>(store: Store, change: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return store.db.transaction().execute(async (tx) => {
    // Writing the row takes its lock until the transaction ends.
    await tx
      .insertInto('meta')
      .values({ key: 'key_ring_lock', value: '' })
      .onConflict((c) => c.column('key').doUpdateSet({ value: '' }))
      .execute();
    return change(tx);
  });
}
