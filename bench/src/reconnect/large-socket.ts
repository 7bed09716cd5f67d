import { WebSocket } from 'ws';

const largestBytes = 2 ** 30;
const fragmentBytes = 4_096;

/** A socket that takes a whole snapshot of a million rows: that of Node ended the connection at a message of 400 MB. */
class LargeSocket extends WebSocket {
  constructor(url: string, protocols: string | string[]) {
    super(url, protocols, {
      perMessageDeflate: false,
      maxPayload: largestBytes,
      maxFragments: largestBytes / fragmentBytes,
    });
  }
}

/** Gives the official client, which takes the global one, such sockets. */
export function useLargeSockets(): void {
  Object.assign(globalThis, { WebSocket: LargeSocket });
}
