import type { SocketFactory, SocketHandlers, SocketRequest } from '@autopilot/sync-contract';

/** One socket that was asked for, driven by the test. */
export interface FakeSocket {
  readonly request: SocketRequest;
  readonly sent: unknown[][];
  /** How this side ended it. */
  ended: 'close' | 'terminate' | undefined;
  open(): void;
  /** A frame of the relay; a string is sent as it is. */
  say(frame: readonly unknown[] | string): void;
  readonly handlers: SocketHandlers;
}

/** A socket factory whose sockets do what a test says. */
export function fakeSockets(): { readonly factory: SocketFactory; readonly sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  const factory: SocketFactory = (request, handlers) => {
    const socket: FakeSocket = {
      request,
      sent: [],
      ended: undefined,
      open: () => handlers.opened(''),
      say: (frame) => handlers.message(Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame))),
      handlers,
    };
    sockets.push(socket);
    return {
      send: (data) => void socket.sent.push(JSON.parse(String(data))),
      bufferedBytes: 0,
      close: () => {
        socket.ended = 'close';
      },
      terminate: () => {
        socket.ended = 'terminate';
      },
    };
  };
  return { factory, sockets };
}
