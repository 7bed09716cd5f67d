import { WebSocket } from 'ws';
import { waitFor } from '../../src/wait-for.ts';

/** A connection that shows every frame. */
export interface Client {
  readonly frames: readonly (readonly unknown[])[];
  readonly texts: readonly string[];
  readonly closed: { code: number | undefined };
  send(...frame: unknown[]): void;
  /** Waits for a frame that begins like this. */
  frame(...beginning: unknown[]): Promise<readonly unknown[]>;
  close(): void;
}

export async function connect(url: string): Promise<Client> {
  const socket = new WebSocket(url);
  const frames: unknown[][] = [];
  const texts: string[] = [];
  const closed: Client['closed'] = { code: undefined };
  socket.on('message', (data) => {
    texts.push(String(data));
    try {
      frames.push(JSON.parse(String(data)));
    } catch {
      // Hostile relays send what is no JSON; it stands in `texts`.
    }
  });
  socket.on('close', (code) => {
    closed.code = code;
  });
  socket.on('error', () => {});
  await waitFor(() => socket.readyState === socket.OPEN || closed.code !== undefined, { describe: 'an open socket' });
  return {
    frames,
    texts,
    closed,
    send: (...frame) => socket.send(JSON.stringify(frame)),
    frame: (...beginning) =>
      waitFor(() => frames.find((frame) => beginning.every((part, index) => frame[index] === part)), {
        describe: () => `${JSON.stringify(beginning)} among ${JSON.stringify(frames)}`,
      }),
    close: () => socket.terminate(),
  };
}
