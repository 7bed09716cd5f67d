import { createSession } from '@autopilot/session';
import type { HttpClient, Ports, SocketFactory } from '@autopilot/sync-contract';
import type { SyncLane, SyncLaneFactory } from './sync-lane.ts';

/** The lane over a SpacetimeDB session. */
export function spacetimeLane(options: {
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  readonly clientId: string;
  /** It never writes, whatever it is asked for. */
  readonly readOnly?: boolean;
}): SyncLaneFactory {
  return (token): SyncLane => {
    let uri: string | null = null;
    const session = createSession({
      ...options,
      token: async (_reason, signal) => {
        const granted = await token(signal);
        uri = granted.uri;
        return granted;
      },
      // An event that was shown must not un-happen when the host crashes.
      readMode: 'confirmed',
      followGranted: true,
    });
    return {
      id: session.id,
      get state() {
        return session.state;
      },
      start: () => session.start(),
      follow: (streamId, after) => session.follow(streamId, after),
      rewind: (streamId, after) => session.rewind(streamId, after),
      unfollow: (streamId) => session.unfollow(streamId),
      listen: (listener) => session.listen(listener),
      close: () => session.close(),
      acknowledge: (ack) => session.ackCheckpoint(ack),
      onGranted: (listener) => session.onGrants(({ all }) => listener(all.map(({ stream_id }) => stream_id))),
      facts: () => {
        const status = session.status();
        return {
          attempts: status.failures,
          next_retry_ms: status.next_retry_ms ?? null,
          protocol: status.protocol ?? null,
          identity: status.identity ?? null,
          database: status.database ?? null,
          uri,
        };
      },
    };
  };
}
