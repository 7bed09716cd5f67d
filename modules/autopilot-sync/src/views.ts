import { t } from 'spacetimedb/server';
import { isOwner } from './authorise.ts';
import { bridgeOutboxId, mostKeysShown, mostListed, mostPendingShown, pendingBytes } from './limits.ts';
import spacetimedb, { type BindingRow, type Ctx, type Tables } from './schema.ts';
import { micros } from './time.ts';
import { utf8Length } from './utf8.ts';

// A view knows its sender, but neither a token nor the time: it shows what the sender's grants allow, and relies on the
// sweep to take expired grants away. Every read but those of `capabilities` and `nostr_keys` is a full-key lookup of a one-column index:
// the host then runs a view again only when one of those rows changes.

const MyStream = t.row('MyStream', {
  stream_id: t.string(),
  role: t.string(),
  expires_at: t.option(t.timestamp()),
});

/** The grants of the sender. */
export const my_streams = spacetimedb.view({ public: true }, t.array(MyStream), (ctx) =>
  grantsOf(ctx).map(({ stream_id, role, expires_at }) => ({ stream_id, role, expires_at })),
);

const StreamPresence = t.row('StreamPresence', {
  session_id: t.string(),
  identity: t.identity(),
  stream_id: t.string(),
  status: t.string(),
  detail: t.string(),
  last_seen: t.timestamp(),
});

/** Who is present on the streams that the sender has a grant on. */
export const stream_presence = spacetimedb.view({ public: true }, t.array(StreamPresence), (ctx) =>
  grantsOf(ctx).flatMap((grant) =>
    [...ctx.db.session_presence.stream_id.filter(grant.stream_id)].map(
      ({ session_id, identity, stream_id, status, detail, last_seen }) => ({
        session_id,
        identity,
        stream_id,
        status,
        detail,
        last_seen,
      }),
    ),
  ),
);

const Assignment = t.row('Assignment', {
  assignment_id: t.string(),
  requester: t.identity(),
  provider: t.identity(),
  stream_id: t.string(),
  status: t.string(),
  detail: t.string(),
  version: t.u64(),
  created_at: t.timestamp(),
  updated_at: t.timestamp(),
});

/** The assignments that the sender asked for or works on. */
export const my_assignments = spacetimedb.view({ public: true }, t.array(Assignment), (ctx) => {
  const asked = [...ctx.db.compute_assignment.requester.filter(ctx.sender)];
  const given = [...ctx.db.compute_assignment.provider.filter(ctx.sender)];
  return [...asked, ...given.filter((row) => !row.requester.isEqual(ctx.sender))];
});

const Capability = t.row('Capability', {
  identity: t.identity(),
  capability: t.string(),
  detail: t.string(),
  updated_at: t.timestamp(),
  expires_at: t.timestamp(),
});

/** What providers can compute, for the owner and for whoever holds a grant on any stream. */
export const capabilities = spacetimedb.view({ public: true }, t.array(Capability), (ctx) => {
  if (grantsOf(ctx).length === 0 && !isOwner(ctx)) return [];
  const listed = [];
  // Every capability is wanted, so there is no key to look up; the sweep keeps the table short.
  for (const { identity, capability, detail, updated_at, expires_at } of ctx.db.provider_capability.iter()) {
    if (listed.length === mostListed) break;
    listed.push({ identity, capability, detail, updated_at, expires_at });
  }
  return listed;
});

const PendingBridgeEvent = t.row('PendingBridgeEvent', {
  event_id: t.string(),
  transport: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  created_at: t.timestamp(),
});

/**
 * What waits to leave by another transport, for holders of a grant on `bridge.outbox`. Not all of it when there is much:
 * as many rows as the limits allow, and others when those are settled.
 */
export const bridge_pending = spacetimedb.view({ public: true }, t.array(PendingBridgeEvent), (ctx) => {
  if (!carriesBridgeEvents(ctx)) return [];
  const shown = [];
  let bytes = 0;
  for (const row of ctx.db.bridge_outbox.status.filter('pending')) {
    if (shown.length === mostPendingShown || bytes >= pendingBytes) break;
    const { event_id, transport, payload, payload_hash, created_at } = row;
    bytes += utf8Length(payload);
    shown.push({ event_id, transport, payload, payload_hash, created_at });
  }
  return shown;
});

const MyNostrKey = t.row('MyNostrKey', { pubkey: t.string(), bound_at: t.timestamp(), proof: t.string() });

/** The Nostr keys that are bound to the sender. */
export const my_nostr_keys = spacetimedb.view({ public: true }, t.array(MyNostrKey), (ctx) =>
  [...ctx.db.nostr_binding.identity.filter(ctx.sender)].map(({ pubkey, bound_at, proof }) => ({
    pubkey,
    bound_at,
    proof,
  })),
);

const PresentNostrKey = t.row('PresentNostrKey', {
  stream_id: t.string(),
  pubkey: t.string(),
  identity: t.identity(),
});

/**
 * The Nostr keys that are present on the streams that the sender has a grant on: one row for each stream and identity,
 * however many sessions, devices and keys it has. It stands for itself by the key that was bound to it first; without a key
 * it is not here.
 */
export const stream_nostr_presence = spacetimedb.view({ public: true }, t.array(PresentNostrKey), (ctx) =>
  grantsOf(ctx).flatMap(({ stream_id }) => {
    const present = new Map<bigint, Ctx['sender']>();
    for (const { identity } of ctx.db.session_presence.stream_id.filter(stream_id)) {
      present.set(identity.__identity__, identity);
    }
    return [...present.values()].flatMap((identity) =>
      [...ctx.db.nostr_binding.identity.filter(identity)]
        .sort(byAge)
        .slice(0, 1)
        .map(({ pubkey }) => ({ stream_id, pubkey, identity })),
    );
  }),
);

const NostrKey = t.row('NostrKey', { pubkey: t.string(), identity: t.identity() });

/** Whose the bound Nostr keys are, for holders of a grant on `bridge.outbox`. */
export const nostr_keys = spacetimedb.view({ public: true }, t.array(NostrKey), (ctx) => {
  if (!carriesBridgeEvents(ctx)) return [];
  const listed = [];
  // All of them are wanted, as with `capabilities`; they change rarely.
  for (const { pubkey, identity } of ctx.db.nostr_binding.iter()) {
    if (listed.length === mostKeysShown) break;
    listed.push({ pubkey, identity });
  }
  return listed;
});

function byAge(one: BindingRow, other: BindingRow): number {
  const apart = micros(one.bound_at) - micros(other.bound_at);
  if (apart !== 0n) return apart < 0n ? -1 : 1;
  return one.pubkey < other.pubkey ? -1 : 1;
}

function carriesBridgeEvents(ctx: { readonly sender: Ctx['sender']; readonly db: Tables }): boolean {
  return grantsOf(ctx).some((grant) => grant.stream_id === bridgeOutboxId);
}

function grantsOf(ctx: { readonly sender: Ctx['sender']; readonly db: Tables }) {
  return [...ctx.db.stream_grant.identity.filter(ctx.sender)];
}
