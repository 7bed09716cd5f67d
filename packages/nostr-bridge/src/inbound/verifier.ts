import type { NostrEvent } from '../event/event.ts';

/** Checks signatures. It must settle in the end, and must not throw. */
export interface Verifier {
  /** Batches that it works on at the same time. */
  readonly parallel: number;
  /** Whether each event has the signature of its author over its id. */
  verify(events: readonly NostrEvent[]): Promise<readonly boolean[]>;
  close(): Promise<void>;
}

/** Checks one event. */
export type VerifyOne = (event: NostrEvent) => boolean;
