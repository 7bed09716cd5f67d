import type { Canaries } from './canaries.ts';
import { RawSocket, type RawHandlers } from './raw-socket.ts';

/** A client of an attacked host, honest or not. */
export interface Member {
  readonly name: string;
  readonly token: string;
  readonly port: number;
  readonly database: string;
  readonly canaries: Canaries;
  /** The text that is this client's alone. */
  readonly own: string;
}

/** Milliseconds: longer than a machine that has other things to do holds a process up. */
const patience = 600_000;

/** Opens a websocket for a client. */
export function connectMember(
  { name, port, database, token }: Member,
  query: string,
  protocol: string,
  handlers: RawHandlers,
): Promise<RawSocket> {
  return within(`the connection of ${name}`, RawSocket.open({ port, database, query, token, protocol }, handlers));
}

/** Waits, but not for ever. */
export async function within<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${patience} ms for ${what}.`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
