import { isCodedError } from '@autopilot/sync-contract';
import type { ClientRegistry, KnownClient } from '../config/client-registry.ts';
import type { EventSink } from './event-sink.ts';

/** Makes streams and grants, each once per connection. */
export interface StreamDirectory {
  /** The stream exists, and every client that is entitled to it has its grant. */
  ensure(streamId: string): Promise<void>;
  /** The client has its grant on those of the streams that exist. */
  ensureGrants(client: KnownClient, streamIds: readonly string[]): Promise<void>;
  /** Whether no client may append to the stream by itself, so that control alone decides its sequences. */
  soleWriter(streamId: string): boolean;
  /** The stream turned out to be missing. */
  forget(streamId: string): void;
}

/**
 * A directory. It remembers what it has made until the connection is a new one: the database behind it may then be
 * another one, or an older copy.
 */
export function createStreamDirectory(
  sink: EventSink,
  clients: ClientRegistry,
  epochFor: (streamId: string) => Promise<string>,
): StreamDirectory {
  let connection = sink.status.connections;
  const made = new Set<string>();
  const granted = new Map<string, Set<string>>();

  function refresh(): void {
    if (connection === sink.status.connections) return;
    connection = sink.status.connections;
    made.clear();
    granted.clear();
  }

  async function grant(client: KnownClient, streamId: string): Promise<void> {
    refresh();
    const holders = granted.get(streamId) ?? new Set();
    if (holders.has(client.identity)) return;
    const during = connection;
    await sink.grant(client.identity, streamId, client.role);
    if (during !== sink.status.connections) return;
    granted.set(streamId, holders.add(client.identity));
  }

  return {
    async ensure(streamId) {
      refresh();
      if (made.has(streamId)) return;
      const during = connection;
      await sink.ensureStream(streamId, await epochFor(streamId));
      for (const client of clients.entitledTo(streamId)) await grant(client, streamId);
      if (during === sink.status.connections) made.add(streamId);
    },
    async ensureGrants(client, streamIds) {
      const results = await Promise.allSettled(streamIds.map((streamId) => grant(client, streamId)));
      for (const result of results) {
        if (result.status === 'fulfilled') continue;
        // Granted when the stream is made.
        if (isCodedError(result.reason) && result.reason.code === 'unknown_stream') continue;
        throw result.reason;
      }
    },
    soleWriter: (streamId) => !clients.othersMayAppend(streamId),
    forget(streamId) {
      made.delete(streamId);
      granted.delete(streamId);
    },
  };
}
