/** Why a cursor cannot be served by replay, in the order of checking. */
export const staleReasons = ['retention_floor_breach', 'replay_budget_exceeded'] as const;

/** One reason why a cursor is stale. */
export type StaleReason = (typeof staleReasons)[number];

/** What decides whether a cursor is stale. Sequences of one epoch. */
export interface StaleCheck {
  /** The last sequence the reader has applied; 0 before the first. */
  readonly after: bigint;
  /** The lowest sequence that is still kept; 1 when nothing was removed. */
  readonly first_kept: bigint;
  readonly head: bigint;
  /** How many events a reader may replay; undefined for no limit. */
  readonly replay_budget?: bigint | undefined;
}

/** The reason why a cursor is stale, the floor first; undefined when replay can serve it. */
export function staleReason(check: StaleCheck): StaleReason | undefined {
  if (check.after + 1n < check.first_kept) return 'retention_floor_breach';
  if (check.replay_budget !== undefined && check.head - check.after > check.replay_budget)
    return 'replay_budget_exceeded';
  return undefined;
}
