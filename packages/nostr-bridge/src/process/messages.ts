import type { StreamPosition } from '@autopilot/sync-contract';
import type { Announcement } from '../announce/announcement.ts';
import type { Publishing } from '../bridge/bridge.ts';
import type { BridgeStatus } from '../bridge/bridge-status.ts';
import type { JobRole } from '../jobs/job-store.ts';
import type { JobRequest } from '../jobs/job-tags.ts';
import type { JournalPage } from '../outbox/journal.ts';

/** What an owner may have its bridge do. */
export type BridgeCommand =
  | { readonly do: 'publish'; readonly publishing: Publishing }
  | { readonly do: 'request'; readonly key: string; readonly request: JobRequest }
  | { readonly do: 'cancel'; readonly request_id: string }
  | { readonly do: 'announce'; readonly announcement: Announcement | undefined }
  | { readonly do: 'note-paid'; readonly role: JobRole; readonly request_id: string; readonly provider?: string }
  | { readonly do: 'quotes'; readonly request_id: string };

/** What the bridge asks its owner's journal. */
export type JournalQuestion =
  | { readonly ask: 'streams' }
  | {
      readonly ask: 'read';
      readonly stream_id: string;
      readonly after: StreamPosition | undefined;
      readonly limit: number;
    };

/** Bytes of a process by itself, as far as its platform tells. */
export interface ProcessMemory {
  readonly heap: number;
  /** Beside the heap: buffers. */
  readonly external: number;
}

/** To the process. */
export type ToBridge =
  | { readonly type: 'command'; readonly number: number; readonly command: BridgeCommand }
  | { readonly type: 'streams'; readonly number: number; readonly streams: readonly string[] }
  | { readonly type: 'page'; readonly number: number; readonly page: JournalPage }
  | { readonly type: 'unanswered'; readonly number: number; readonly message: string }
  | { readonly type: 'close' };

/** From the process. */
export type FromBridge =
  /** Its file is open and its relays are being connected to. */
  | { readonly type: 'ready' }
  /** It could not begin, or met something that it does not expect; it ends. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** Its event loop turns. */
  | { readonly type: 'beat'; readonly status: BridgeStatus; readonly memory: ProcessMemory; readonly more?: unknown }
  | { readonly type: 'question'; readonly number: number; readonly question: JournalQuestion }
  | { readonly type: 'done'; readonly number: number; readonly result: unknown }
  | { readonly type: 'refused'; readonly number: number; readonly code: string; readonly message: string };
