import type { Assignment, Capability } from '@autopilot/session';

/** The lane, as far as work is given away over it. Tells what is known now; nothing is known before it is live. */
export interface AssignmentDesk {
  readonly isLive: boolean;
  capabilities(): readonly Capability[];
  /** The assignments of this identity that the database still has. */
  assignments(): readonly Assignment[];
  assignment(id: string): Assignment | undefined;
  /** The identity in hex that a Nostr key is bound to, if it is. */
  identityOf(pubkey: string): string | undefined;
  /** Gives work to a provider; the same once more changes nothing. `provider` is an identity in hex. */
  open(id: string, provider: string, detail: string): Promise<void>;
  /** Takes it back, from the version that was seen. */
  cancel(assignment: Assignment, detail: string): Promise<void>;
  /** Hears of every change. */
  onChange(listener: () => void): () => void;
}

const ends: ReadonlySet<string> = new Set(['done', 'failed', 'cancelled']);

/** Whether nothing moves an assignment on. */
export function isOver({ status }: Pick<Assignment, 'status'>): boolean {
  return ends.has(status);
}
