import type { GateId } from '../gates/gate.ts';

/** A requirement that somebody answers for until a time. Times are milliseconds since the Unix epoch. */
export interface Waiver {
  readonly id: string;
  /** `gate`: that gate need not be met. `emergency`: a record of what a forced flip or a fallback skipped; waives nothing. */
  readonly kind: 'gate' | 'emergency';
  /** Of kind `gate`; null otherwise. */
  readonly gate: GateId | null;
  /** Who answers for it. */
  readonly owner: string;
  readonly reason: string;
  readonly since: number;
  readonly expires_at: number;
  /** Of kind `emergency`: the incident, and the requirements that were not met. */
  readonly incident: string | null;
  readonly skipped: readonly string[];
}
