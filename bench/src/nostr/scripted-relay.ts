import type { SocketFactory, SocketHandlers } from '@autopilot/sync-contract';

/** A relay in this process, without a network: it has nothing stored, and says what it is told to. */
export interface ScriptedRelay {
  readonly sockets: SocketFactory;
  say(frame: Uint8Array): void;
  /** Hears that the other side ended the connection. */
  onEnd(listener: () => void): void;
}

/** For one connection that follows one subscription. */
export function scriptedRelay(): ScriptedRelay {
  let handlers: SocketHandlers | undefined;
  let ended = () => {};
  const answer = (data: string) => {
    const [type, id] = JSON.parse(data) as [string, string];
    if (type === 'REQ') setImmediate(() => handlers?.message(Buffer.from(JSON.stringify(['EOSE', id]))));
  };
  return {
    sockets: (_request, given) => {
      handlers = given;
      setImmediate(() => given.opened(''));
      const end = () => ended();
      return { send: (data) => answer(String(data)), bufferedBytes: 0, close: end, terminate: end };
    },
    say: (frame) => handlers?.message(frame),
    onEnd: (listener) => {
      ended = listener;
    },
  };
}
