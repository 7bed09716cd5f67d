import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { createSession, nodeSocketFactory, type Session } from '../../../packages/session/src/index.ts';

// Imported by path: a workspace dependency of testing on session would be a circle, since session's tests depend on
// testing.

const day = 86_400_000;

/** A session as the check opens it: impatient, so that a fault of seconds is noticed within seconds. */
export function openSession(target: {
  readonly uri: string;
  readonly database: string;
  readonly token: string;
  readonly reads: 'confirmed' | 'unconfirmed';
  readonly name: string;
  readonly workload: 'tables' | 'streams';
  /** How often the token, and with it the connection, is replaced; never without it. */
  readonly tokenSeconds?: number;
}): Session {
  const { uri, database, token } = target;
  const refreshMs = target.tokenSeconds === undefined ? 200 * day : target.tokenSeconds * 1000;
  return createSession({
    token: async () => {
      const now = Date.now();
      return { token, uri, database, expires_at: now + 300 * day, refresh_after: now + refreshMs };
    },
    ports: systemPorts,
    socket: nodeSocketFactory,
    http: systemHttp,
    clientId: target.name,
    readMode: target.reads,
    backoff: { floorMs: 50, baseMs: 100, capMs: 1000 },
    connectTimeoutMs: 3000,
    requestTimeoutMs: 5000,
    watchdogMs: 4000,
    // The module of the tables has no streams.
    streams: target.workload === 'streams',
    headPollMs: 1000,
  });
}
