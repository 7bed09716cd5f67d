import type { PayloadHash } from '@autopilot/sync-contract';
import { t } from 'spacetimedb';
import { decode } from './codec.ts';
import type { GrantRole } from './reducers.ts';

/**
 * The queries of the module's views: state, not logs. Each has a decoder of its rows here; subscribe to one by
 *
 * ```ts
 * session.subscribe([viewQueries.bridgePending], handlers, (_view, row) => decodePendingBridgeEvent(row.readRest()));
 * ```
 */
export const viewQueries = {
  myStreams: 'SELECT * FROM my_streams',
  streamPresence: 'SELECT * FROM stream_presence',
  myAssignments: 'SELECT * FROM my_assignments',
  capabilities: 'SELECT * FROM capabilities',
  bridgePending: 'SELECT * FROM bridge_pending',
  myNostrKeys: 'SELECT * FROM my_nostr_keys',
  nostrKeys: 'SELECT * FROM nostr_keys',
  streamNostrPresence: 'SELECT * FROM stream_nostr_presence',
} as const;

const myStreams = t.object('MyStream', {
  stream_id: t.string(),
  role: t.string(),
  expires_at: t.option(t.timestamp()),
});

const streamPresence = t.object('StreamPresence', {
  session_id: t.string(),
  identity: t.identity(),
  stream_id: t.string(),
  status: t.string(),
  detail: t.string(),
  last_seen: t.timestamp(),
});

const assignment = t.object('Assignment', {
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

const capability = t.object('Capability', {
  identity: t.identity(),
  capability: t.string(),
  detail: t.string(),
  updated_at: t.timestamp(),
  expires_at: t.timestamp(),
});

const pendingBridgeEvent = t.object('PendingBridgeEvent', {
  event_id: t.string(),
  transport: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  created_at: t.timestamp(),
});

const myNostrKey = t.object('MyNostrKey', { pubkey: t.string(), bound_at: t.timestamp(), proof: t.string() });

const nostrKey = t.object('NostrKey', { pubkey: t.string(), identity: t.identity() });

const presentNostrKey = t.object('PresentNostrKey', {
  stream_id: t.string(),
  pubkey: t.string(),
  identity: t.identity(),
});

/** The codecs of the views, for test servers. */
export const viewCodecs = { myStreams, streamPresence } as const;

/** A stream that the caller may read. */
export interface Grant {
  readonly stream_id: string;
  readonly role: GrantRole;
  /** Microseconds since the Unix epoch; undefined for no end. */
  readonly expires_at: bigint | undefined;
}

/** Who is at a stream. */
export interface Presence {
  readonly session_id: string;
  /** Hex. */
  readonly identity: string;
  readonly stream_id: string;
  readonly status: string;
  /** Canonical JSON. */
  readonly detail: string;
  /** Microseconds since the Unix epoch. */
  readonly last_seen: bigint;
}

/** Work that one identity has asked of another. */
export interface Assignment {
  readonly assignment_id: string;
  /** Hex. */
  readonly requester: string;
  /** Hex. */
  readonly provider: string;
  readonly stream_id: string;
  readonly status: string;
  /** Canonical JSON. */
  readonly detail: string;
  /** What the next update expects; a u64. */
  readonly version: bigint;
  /** Microseconds since the Unix epoch. */
  readonly created_at: bigint;
  /** Microseconds since the Unix epoch. */
  readonly updated_at: bigint;
}

/** What an identity says that it can compute. */
export interface Capability {
  /** Hex. */
  readonly identity: string;
  readonly capability: string;
  /** Canonical JSON. */
  readonly detail: string;
  /** Microseconds since the Unix epoch. */
  readonly updated_at: bigint;
  /** Microseconds since the Unix epoch. */
  readonly expires_at: bigint;
}

/** An event that waits to leave by another transport. */
export interface PendingBridgeEvent {
  readonly event_id: string;
  readonly transport: string;
  readonly payload: string;
  readonly payload_hash: PayloadHash;
  /** Microseconds since the Unix epoch. */
  readonly created_at: bigint;
}

/** A Nostr key that is bound to the caller. */
export interface MyNostrKey {
  /** 64 lowercase hexadecimal digits. */
  readonly pubkey: string;
  /** Microseconds since the Unix epoch. */
  readonly bound_at: bigint;
  /** The id of the event by which the key agreed. */
  readonly proof: string;
}

/** Whose a Nostr key is. */
export interface NostrKey {
  /** 64 lowercase hexadecimal digits. */
  readonly pubkey: string;
  /** Hex. */
  readonly identity: string;
}

/** A Nostr key that is present at a stream. */
export interface PresentNostrKey extends NostrKey {
  readonly stream_id: string;
}

/** One row of my_streams. */
export function decodeGrant(bytes: Uint8Array): Grant {
  const row = decode(myStreams, bytes);
  return {
    stream_id: row.stream_id,
    role: row.role as GrantRole,
    expires_at: row.expires_at?.microsSinceUnixEpoch,
  };
}

/** One row of stream_presence. */
export function decodePresence(bytes: Uint8Array): Presence {
  const { last_seen, identity, ...row } = decode(streamPresence, bytes);
  return { ...row, identity: identity.toHexString(), last_seen: last_seen.microsSinceUnixEpoch };
}

/** One row of my_assignments. */
export function decodeAssignment(bytes: Uint8Array): Assignment {
  const row = decode(assignment, bytes);
  return {
    ...row,
    requester: row.requester.toHexString(),
    provider: row.provider.toHexString(),
    created_at: row.created_at.microsSinceUnixEpoch,
    updated_at: row.updated_at.microsSinceUnixEpoch,
  };
}

/** One row of capabilities. */
export function decodeCapability(bytes: Uint8Array): Capability {
  const row = decode(capability, bytes);
  return {
    ...row,
    identity: row.identity.toHexString(),
    updated_at: row.updated_at.microsSinceUnixEpoch,
    expires_at: row.expires_at.microsSinceUnixEpoch,
  };
}

/** One row of bridge_pending. */
export function decodePendingBridgeEvent(bytes: Uint8Array): PendingBridgeEvent {
  const { payload_hash, created_at, ...row } = decode(pendingBridgeEvent, bytes);
  return { ...row, payload_hash: payload_hash as PayloadHash, created_at: created_at.microsSinceUnixEpoch };
}

/** One row of my_nostr_keys. */
export function decodeMyNostrKey(bytes: Uint8Array): MyNostrKey {
  const { bound_at, ...row } = decode(myNostrKey, bytes);
  return { ...row, bound_at: bound_at.microsSinceUnixEpoch };
}

/** One row of nostr_keys. */
export function decodeNostrKey(bytes: Uint8Array): NostrKey {
  const { pubkey, identity } = decode(nostrKey, bytes);
  return { pubkey, identity: identity.toHexString() };
}

/** One row of stream_nostr_presence. */
export function decodePresentNostrKey(bytes: Uint8Array): PresentNostrKey {
  const { stream_id, pubkey, identity } = decode(presentNostrKey, bytes);
  return { stream_id, pubkey, identity: identity.toHexString() };
}
