import type { HttpClient, Ports, SocketFactory } from '@autopilot/sync-contract';
import type { SyncLane } from '../sync/sync-lane.ts';

/** Where the khala lane keeps how far it has read its topic: it only saves reading again. */
export interface KhalaCursors {
  load(topic: string): bigint | null;
  save(topic: string, watermark: bigint): void;
}

/** What `lanes/khala.ts` gets to open the lane. Declared here, since that file may be missing. */
export interface KhalaOpening {
  readonly ports: Ports;
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  /** Base URL of khala. */
  readonly url: string;
  /** Sent as bearer when a token of khala is asked for; undefined for none. */
  readonly credential: string | undefined;
  /** Khala sends every owner's events: only those of streams that this says yes to are taken. */
  readonly follows: (streamId: string) => boolean;
  readonly cursors: KhalaCursors;
  /** Runs before every token: asks control which account and which streams these are, as far as control can be reached. */
  readonly beforeToken: (signal: AbortSignal) => Promise<void>;
}

/** What `lanes/khala.ts` exports. */
export interface KhalaModule {
  openKhalaLane(opening: KhalaOpening): SyncLane;
}
