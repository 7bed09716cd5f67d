import type { Clock } from '@autopilot/sync-contract';
import { importJWK, type JWK } from 'jose';
import { ControlError } from '../errors.ts';
import type { Store } from '../store/open-store.ts';
import type { SigningKeyRow } from '../store/schema.ts';
import { storedNow } from '../store/stored-time.ts';
import { expiredKeys, nextMaySignAt, type RotationPolicy, rotationDue } from './key-rotation.ts';
import { changeKeys, generateKey } from './key-store.ts';

type ImportedKey = Awaited<ReturnType<typeof importJWK>>;

/** The key that signs now. */
export interface Signer {
  readonly kid: string;
  readonly key: ImportedKey;
}

/** The keys of the issuer. */
export interface KeyRing {
  readonly signer: Signer;
  /** Every published key: next, current and old ones. */
  readonly jwks: { readonly keys: JWK[] };
  /** Lets the next key sign from now on, whatever the age of the current one. */
  rotate(): Promise<void>;
  /** Rotates when it is due, removes expired keys, and reads what other replicas have changed. */
  maintain(): Promise<'rotated' | 'unchanged'>;
}

/**
 * Opens the keys of the store. The very first key signs at once, since no verifier can have cached anything before it;
 * every later one waits until it has been published for long enough.
 */
export async function openKeyRing(store: Store, clock: Clock, policy: RotationPolicy): Promise<KeyRing> {
  const [first, second] = [await generateKey('current', storedNow(clock)), await generateKey('next', storedNow(clock))];
  await changeKeys(store, async (tx) => {
    const any = await tx.selectFrom('signing_key').select('kid').executeTakeFirst();
    if (any === undefined) await tx.insertInto('signing_key').values([first, second]).execute();
  });
  let loaded = await load(store);

  async function advance(allowed: (keys: readonly SigningKeyRow[], now: number) => boolean): Promise<boolean> {
    const now = storedNow(clock);
    const fresh = await generateKey('next', now);
    const advanced = await changeKeys(store, async (tx) => {
      const keys = await tx.selectFrom('signing_key').selectAll().execute();
      const turn = allowed(keys, now);
      if (turn) {
        const retire = { state: 'old', retired_at: now } as const;
        await tx.updateTable('signing_key').set(retire).where('state', '=', 'current').execute();
        const promote = { state: 'current', signing_since: now } as const;
        await tx.updateTable('signing_key').set(promote).where('state', '=', 'next').execute();
        await tx.insertInto('signing_key').values(fresh).execute();
      }
      const expired = expiredKeys(keys, now, policy);
      if (expired.length > 0) await tx.deleteFrom('signing_key').where('kid', 'in', expired).execute();
      return turn;
    });
    loaded = await load(store);
    return advanced;
  }

  return {
    get signer() {
      return loaded.signer;
    },
    get jwks() {
      return loaded.jwks;
    },
    async rotate() {
      const allowed = (keys: readonly SigningKeyRow[], now: number) => now >= (nextMaySignAt(keys, policy) ?? Infinity);
      if (await advance(allowed)) return;
      throw new ControlError('rotation_too_early', 'The next key has not been published for long enough to sign.');
    },
    async maintain() {
      return (await advance((keys, now) => rotationDue(keys, now, policy))) ? 'rotated' : 'unchanged';
    },
  };
}

async function load(store: Store): Promise<{ readonly signer: Signer; readonly jwks: { readonly keys: JWK[] } }> {
  const rows = await store.db.selectFrom('signing_key').selectAll().orderBy('published_at').orderBy('kid').execute();
  const current = rows.find((row) => row.state === 'current');
  if (current === undefined) throw new ControlError('store_unavailable', 'The store holds no key that signs.');
  return {
    signer: { kid: current.kid, key: await importJWK(JSON.parse(current.private_jwk) as JWK, 'ES256') },
    jwks: { keys: rows.map((row) => JSON.parse(row.public_jwk) as JWK) },
  };
}
