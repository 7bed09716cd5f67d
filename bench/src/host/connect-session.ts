import { createSession, nodeSocketFactory, type Session, type SessionOptions } from '@autopilot/session';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';

/** The database of every host here. */
export const database = 'bench';

/** A session over a real socket; not started yet. */
export function sessionTo(uri: string, token: string, options: Partial<SessionOptions> = {}): Session {
  return createSession({
    token: async () => {
      const now = Date.now();
      return { token, uri, database, expires_at: now + 80_000_000, refresh_after: now + 60_000_000 };
    },
    ports: systemPorts,
    socket: nodeSocketFactory,
    http: systemHttp,
    clientId: 'bench',
    readMode: 'confirmed',
    ...options,
  });
}

/** Starts a session; resolves when it is live. */
export function liveSession(session: Session): Promise<void> {
  return new Promise((resolve) => {
    const unlisten = session.listen((signal) => {
      if (signal.type !== 'state' || signal.to !== 'live') return;
      unlisten();
      resolve();
    });
    session.start();
  });
}
