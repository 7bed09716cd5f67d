import { createSession, type Session } from '@autopilot/session';
import type { SocketFactory, SocketHandlers } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { BinaryReader } from 'spacetimedb';
import { epoch } from './events.ts';
import { emptyPage, initialConnection, subscribeApplied } from './server-frames.ts';

/** The query set of the live queries of a session: its first one. */
export const liveSet = 1;
/** The query set of the first subscription of a session, and the request that asks for it. */
export const firstSubscription = 2;

/** A session on a socket of this process. */
export interface OwnClient {
  readonly session: Session;
  /** Hands over one frame, as the socket does. */
  receive(frame: Uint8Array): void;
  close(): Promise<void>;
}

/** Connects a session; its live queries are answered, and streams that it follows are as long as it says. */
export async function connectOwn(): Promise<OwnClient> {
  let handlers: SocketHandlers | undefined;
  const answered = (data: Uint8Array): Uint8Array | undefined => {
    const reader = new BinaryReader(data);
    const [tag, requestId] = [reader.readU8(), reader.readU32()];
    if (tag === 0) {
      const querySetId = reader.readU32();
      return querySetId === liveSet ? subscribeApplied(requestId, querySetId, '') : undefined;
    }
    if (tag !== 4) return undefined;
    reader.readU8();
    return reader.readString() === 'open_stream' ? emptyPage(requestId, epoch, 0n, '') : undefined;
  };
  const socket: SocketFactory = (_request, given) => {
    handlers = given;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      queueMicrotask(() => given.closed(1000, ''));
    };
    queueMicrotask(() => {
      given.opened('v3.bsatn.spacetimedb');
      given.message(initialConnection());
    });
    return {
      send: (data) => {
        if (typeof data === 'string') throw new Error('The protocol has no text frames.');
        const answer = answered(data);
        if (answer !== undefined) queueMicrotask(() => given.message(answer));
      },
      bufferedBytes: 0,
      close: end,
      terminate: end,
    };
  };
  const session = createSession({
    token: async () => {
      const now = Date.now();
      return {
        ...{ token: 'bench', uri: 'http://bench.test', database: 'bench' },
        ...{ expires_at: now + 86_400_000, refresh_after: now + 80_000_000 },
      };
    },
    ports: systemPorts,
    socket,
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
  return {
    session,
    receive: (frame) => handlers?.message(frame),
    close: () => session.close(),
  };
}

/** Follows the stream of the events from its beginning; resolves when live rows of it are handed over. */
export async function followFromStart(session: Session, streamId: string): Promise<void> {
  session.follow(streamId, { epoch, seq: 0n });
  while (session.status().streams[streamId]?.phase !== 'live') await new Promise((resolve) => setImmediate(resolve));
}
