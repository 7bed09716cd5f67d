import type { DatabaseSlot } from './database-slot.ts';

/** A database of a host: who owns it, what it is called, and what is served under it. */
export class HostedDatabase {
  /** Hex. */
  readonly identity: string;
  /** Hex. */
  readonly owner: string;
  readonly slot: DatabaseSlot;
  /** None for one that is addressed by its identity alone. */
  names: readonly string[];
  /** A locked database is neither deleted nor emptied. */
  isLocked = false;

  constructor(identity: string, owner: string, names: readonly string[], slot: DatabaseSlot) {
    this.identity = identity;
    this.owner = owner;
    this.names = names;
    this.slot = slot;
  }
}
