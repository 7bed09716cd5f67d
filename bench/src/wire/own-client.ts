import { createSession, type Session } from '@autopilot/session';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { type Script, ScriptedHost } from './scripted-host.ts';

/** A session on a socket of this process. */
export interface OwnClient {
  readonly session: Session;
  readonly host: ScriptedHost;
  close(): Promise<void>;
}

/** Connects a session; resolves when it is live. */
export async function connectOwn(script: Script): Promise<OwnClient> {
  const host = new ScriptedHost(script);
  const session = createSession({
    token: async () => {
      const now = Date.now();
      return {
        ...{ token: 'bench', uri: 'http://bench.test', database: 'bench' },
        ...{ expires_at: now + 86_400_000, refresh_after: now + 80_000_000 },
      };
    },
    ports: systemPorts,
    socket: host.socket,
    http: async () => ({ status: 200, headers: {}, body: '' }),
    clientId: 'bench',
    readMode: 'confirmed',
  });
  const live = new Promise<void>((resolve) => {
    const unlisten = session.listen((signal) => {
      if (signal.type !== 'state' || signal.to !== 'live') return;
      unlisten();
      resolve();
    });
  });
  session.start();
  await live;
  return { session, host, close: () => session.close() };
}
