import { t } from 'spacetimedb';
import { decode } from './codec.ts';
import type { GrantRole } from './reducers.ts';

/** The queries of the module's views: state, not logs. */
export const viewQueries = {
  myStreams: 'SELECT * FROM my_streams',
  streamPresence: 'SELECT * FROM stream_presence',
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
