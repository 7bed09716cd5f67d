import { t } from 'spacetimedb/server';
import { requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { mostNostrKeys } from './limits.ts';
import spacetimedb from './schema.ts';

// Whether a key agreed is for the service to find out, which has asked for the proof: the module believes it, and keeps
// only that a key belongs to one identity at a time.

const hex64 = /^[0-9a-f]{64}$/;

/** Notes that a key belongs to an identity. What is bound to it already stays as it is, with its first proof. */
export const bind_nostr_key = spacetimedb.reducer(
  { identity: t.identity(), pubkey: t.string(), proof: t.string() },
  (ctx, { identity, pubkey, proof }) => {
    requireScope(ctx, 'sync.admin');
    checkHex('pubkey', pubkey);
    checkHex('proof', proof);
    const existing = ctx.db.nostr_binding.pubkey.find(pubkey);
    if (existing !== null) {
      if (!existing.identity.isEqual(identity)) fail('conflict', 'The key is bound to another identity.');
      return;
    }
    if ([...ctx.db.nostr_binding.identity.filter(identity)].length >= mostNostrKeys) {
      fail('rate_limited', `An identity has at most ${mostNostrKeys} keys: unbind one first.`);
    }
    ctx.db.nostr_binding.insert({ pubkey, identity, bound_at: ctx.timestamp, proof });
  },
);

/** Takes a key from the identity that has it. One that is not bound is no error; one of another identity stays. */
export const unbind_nostr_key = spacetimedb.reducer(
  { identity: t.identity(), pubkey: t.string() },
  (ctx, { identity, pubkey }) => {
    requireScope(ctx, 'sync.admin');
    checkHex('pubkey', pubkey);
    const existing = ctx.db.nostr_binding.pubkey.find(pubkey);
    if (existing === null) return;
    if (!existing.identity.isEqual(identity)) fail('forbidden', 'The key is bound to another identity.');
    ctx.db.nostr_binding.pubkey.delete(pubkey);
  },
);

function checkHex(field: string, value: string): void {
  if (!hex64.test(value)) fail('invalid_request', `${field} is not made of 64 lowercase hex digits.`);
}
