import { hash, timingSafeEqual } from 'node:crypto';
import { identityOf } from '../identity.ts';
import type { Client } from './clients-file.ts';
import { coversStream } from './stream-pattern.ts';

/** A client with the identity that it has in the database. */
export interface KnownClient extends Client {
  readonly identity: string;
}

/** Finds clients. */
export interface ClientRegistry {
  /** The client with this id and secret; undefined for an unknown id and for a wrong secret alike. */
  authenticate(clientId: string, secret: string): KnownClient | undefined;
  byId(clientId: string): KnownClient | undefined;
  bySubject(subject: string): KnownClient | undefined;
  /** Every client that one of its patterns entitles to the stream. */
  entitledTo(streamId: string): readonly KnownClient[];
  /** Whether the module would let some client append to the stream by itself. */
  othersMayAppend(streamId: string): boolean;
}

/** Compared with when the id is unknown, so that the answer takes as long as for a wrong secret. */
const nobody = Buffer.alloc(32);

/** A registry over the clients of one file. */
export function createClientRegistry(clients: readonly Client[], issuer: string): ClientRegistry {
  const known = clients.map((client) => ({ ...client, identity: identityOf(issuer, client.subject) }));
  const byId = new Map<string, KnownClient>(known.map((client) => [client.client_id, client]));
  const bySubject = new Map(known.map((client) => [client.subject, client]));
  return {
    authenticate(clientId, secret) {
      const client = byId.get(clientId);
      const expected = client === undefined ? nobody : Buffer.from(client.secret_sha256, 'hex');
      const same = timingSafeEqual(hash('sha256', secret, 'buffer'), expected);
      return same ? client : undefined;
    },
    byId: (clientId) => byId.get(clientId),
    bySubject: (subject) => bySubject.get(subject),
    entitledTo: (streamId) => known.filter((client) => coversStream(client.streams, streamId)),
    othersMayAppend: (streamId) =>
      known.some(
        (client) =>
          client.scopes.includes('sync.append') &&
          (client.scopes.includes('sync.admin') ||
            (client.role === 'writer' && coversStream(client.streams, streamId))),
      ),
  };
}
