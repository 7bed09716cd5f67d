import type { Cancel, Ports, SocketFactory } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { WebSocket } from 'ws';

/** The ports of this process, which know what of them is in use. */
export class CountedPorts {
  readonly ports: Ports;
  readonly socket: SocketFactory;
  readonly #timers = new Set<object>();
  readonly #sockets = new Set<WebSocket>();

  /** @param speed how much faster than real the time of these ports runs. */
  constructor(speed = 1) {
    const { clock } = systemPorts;
    this.ports = {
      ...systemPorts,
      clock: { now: () => clock.now(), monotonic: () => clock.monotonic() * speed },
      scheduler: { after: (ms, task) => this.#after(ms / speed, task) },
    };
    this.socket = (request, handlers) => {
      const socket = new WebSocket(request.url, { perMessageDeflate: false, headers: { ...request.headers } });
      this.#sockets.add(socket);
      let over = false;
      const end = (tell: () => void): void => {
        if (over) return;
        over = true;
        this.#sockets.delete(socket);
        tell();
      };
      socket.on('open', () => handlers.opened(''));
      socket.on('message', (data: Buffer) => handlers.message(data));
      socket.on('ping', () => handlers.alive());
      socket.on('error', () => {});
      socket.on('close', (code, reason) => end(() => handlers.closed(code, reason.toString())));
      socket.on('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          end(() => handlers.refused(response.statusCode ?? 0, body));
        });
      });
      return {
        send: (data) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(data);
        },
        get bufferedBytes() {
          return socket.bufferedAmount;
        },
        close: (code, reason) => socket.close(code, reason),
        terminate: () => socket.terminate(),
      };
    };
  }

  /** What is in use, by name. */
  leftovers(): string[] {
    return [
      ...[...this.#timers].map(() => 'timer'),
      ...[...this.#sockets].filter(({ readyState }) => readyState < WebSocket.CLOSING).map(() => 'socket'),
    ];
  }

  #after(milliseconds: number, task: () => void): Cancel {
    const timer = {};
    this.#timers.add(timer);
    const cancel = systemPorts.scheduler.after(milliseconds, () => {
      this.#timers.delete(timer);
      task();
    });
    return () => {
      this.#timers.delete(timer);
      cancel();
    };
  }
}
