import type { Viewer } from '../sql/bound-query.ts';

/** A connected client, as the subscriptions know it. */
export interface Subscriber extends Viewer {
  /** Takes a message for the client. A reader of confirmed data gets it when the commit `offset` is on disk. */
  send(message: Uint8Array, offset: bigint | undefined): void;
}
