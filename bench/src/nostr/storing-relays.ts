import path from 'node:path';
import { startChild } from '../host/child.ts';

/** What a relay is asked. */
export type StoringRelayQuestion = { readonly ask: 'start' } | { readonly ask: 'stored' } | { readonly ask: 'stop' };

/** Relays that keep what they are sent, each in a process of its own. */
export interface StoringRelays {
  readonly urls: readonly string[];
  /** Events that each of them has. */
  stored(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

export async function startStoringRelays(count: number): Promise<StoringRelays> {
  const file = path.join(import.meta.dirname, 'storing-relay-server.ts');
  const children = Array.from({ length: count }, () => startChild<StoringRelayQuestion>(file));
  const askAll = (ask: 'start' | 'stored') => Promise.all(children.map((child) => child.ask({ ask })));
  return {
    urls: (await askAll('start')) as string[],
    stored: async () => (await askAll('stored')) as number[],
    stop: async () => void (await Promise.all(children.map((child) => child.end({ ask: 'stop' })))),
  };
}
