import { fork } from 'node:child_process';
import path from 'node:path';
import { WebSocket } from 'ws';

/** Sends something out and resolves when it is back, or applied. */
export interface Trip {
  readonly name: string;
  /** Milliseconds. */
  once(): Promise<number>;
  close(): Promise<void>;
}

/** A message to a bare websocket server in a process of its own, and back. @param bytes Of a message. */
export async function connectEcho(bytes: number): Promise<Trip> {
  const child = fork(path.join(import.meta.dirname, 'echo-server.ts'), {
    execArgv: ['--conditions=@autopilot/source'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve) => child.once('message', (value) => resolve(Number(value))));
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await new Promise((resolve) => socket.once('open', resolve));
  const message = Buffer.alloc(bytes, 'x');
  let back: () => void = () => {};
  socket.on('message', () => back());
  return {
    name: 'ws echo',
    once: () =>
      new Promise((resolve) => {
        const sent = performance.now();
        back = () => resolve(performance.now() - sent);
        socket.send(message);
      }),
    close: async () => {
      socket.terminate();
      child.disconnect();
      await ended;
      process.off('exit', kill);
    },
  };
}
