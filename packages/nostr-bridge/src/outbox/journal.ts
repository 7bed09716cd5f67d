import type { StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { Outgoing } from './outbox.ts';

/** Events of one stream, in rising sequence, all of one epoch. */
export interface JournalPage {
  readonly epoch: string;
  readonly events: readonly SyncEvent[];
  /** Whether there are more beyond these. */
  readonly more: boolean;
}

/**
 * What the bridge reads: a journal that somebody else keeps. The bridge only reads, remembers its own place, and may be
 * dead for as long as the journal keeps its events.
 */
export interface Journal {
  streams(): readonly string[] | Promise<readonly string[]>;
  /** At most `limit` events beyond a position. A position of another epoch, or none, means from the beginning. */
  read(stream_id: string, after: StreamPosition | undefined, limit: number): JournalPage | Promise<JournalPage>;
}

/** What is to leave of an event; undefined when nothing is. Must be a pure function: it runs again after a crash. */
export type MirrorPolicy = (event: SyncEvent) => Omit<Outgoing, 'key'> | undefined;

/** Nothing leaves unless somebody says so. */
export const mirrorNothing: MirrorPolicy = () => undefined;

/** Of an owner who has no journal. */
export const emptyJournal: Journal = { streams: () => [], read: () => ({ epoch: '', events: [], more: false }) };
