import type { HttpClient, Ports } from '@autopilot/sync-contract';

// What control wants from the khala lane. Its own interface, so that control compiles, runs and is tested with the one
// file that knows the lane, src/lanes/khala.ts, gone.

/** An event as khala gets it. */
export interface MirrorEvent {
  readonly kind: string;
  /** Canonical JSON. */
  readonly payload: string;
  readonly idempotency_key: string;
  /** The epoch of its stream, so that both lanes name the same position. */
  readonly epoch: string;
}

/** What is known of the worker before an event is sent. */
export interface MirrorPosition {
  /** The last sequence that is known to be there; 0 for none. */
  readonly after: bigint;
  /** An earlier attempt may have arrived: khala is read behind `after` before anything is sent. */
  readonly doubt: boolean;
}

/** Where khala has put an event. */
export interface MirrorReceipt {
  readonly outcome: 'appended' | 'duplicate';
  readonly seq: bigint;
}

/** Khala, as the mirror needs it. */
export interface KhalaTarget {
  /**
   * Appends an event to a worker, once. Rejects with a coded error: `recovery` is `stop` when khala refuses the event
   * itself, and anything else when trying again may help, also when the outcome is unknown.
   */
  publish(workerId: string, event: MirrorEvent, position: MirrorPosition): Promise<MirrorReceipt>;
  /** Whether khala answers at all. Never rejects. */
  reachable(): Promise<boolean>;
}

/** How to reach khala. */
export interface KhalaTargetOptions {
  /** http(s) base URL. */
  readonly url: string;
  /** What the token mint of khala is asked with; undefined when it asks for nothing. */
  readonly secret: string | undefined;
  readonly http: HttpClient;
  readonly ports: Ports;
}

/** Opens khala; connects nothing yet. */
export type OpenKhala = (options: KhalaTargetOptions) => Promise<KhalaTarget>;
