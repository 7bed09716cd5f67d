import path from 'node:path';
import { startChild } from '../host/child.ts';

/** What the relay is asked. */
export type RelayQuestion =
  | ({ readonly ask: 'start' } & RelaySpec)
  | { readonly ask: 'send'; readonly count: number }
  | { readonly ask: 'stop' };

/** What the events of a relay are like. */
export interface RelaySpec {
  /** Seconds since the Unix epoch: the first and the last created_at of so many events. */
  readonly from: number;
  readonly to: number;
  readonly events: number;
  /** Bytes of their content. */
  readonly content: number;
}

/** A relay that signs what it sends, in a process of its own. */
export interface SigningRelay {
  readonly url: string;
  /** Sends so many more events to whoever subscribed. */
  send(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startSigningRelay(spec: RelaySpec): Promise<SigningRelay> {
  const { ask, end } = startChild<RelayQuestion>(path.join(import.meta.dirname, 'signing-relay-server.ts'));
  return {
    url: (await ask({ ask: 'start', ...spec })) as string,
    send: async (count) => void (await ask({ ask: 'send', count })),
    stop: () => end({ ask: 'stop' }),
  };
}
