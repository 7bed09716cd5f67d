import { WebSocket } from 'ws';

/**
 * A websocket that is dropped without a close frame when its peer breaks the rules of websockets or sends more than it
 * may, as upstream does. The `ws` package would say 1002, 1007 or 1009 before it hangs up.
 */
export class HostSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    // Whoever closes on purpose gives a reason; a close of the peer is answered with its own.
    if (code !== undefined && reason === undefined) this.terminate();
    else super.close(code, reason);
  }
}
