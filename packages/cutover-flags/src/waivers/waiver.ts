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
  /** Who entered it. */
  readonly by: string;
  readonly reason: string;
  readonly since: number;
  readonly expires_at: number;
  /** Of kind `emergency`: the incident, and the requirements that were not met. */
  readonly incident: string | null;
  readonly skipped: readonly string[];
}

/** The waiver that stands in for a gate now; null when there is none, or only ones that are over. */
export function waiverFor(waivers: readonly Waiver[], gate: GateId, now: number): Waiver | null {
  return waivers.find((each) => each.kind === 'gate' && each.gate === gate && now < each.expires_at) ?? null;
}

/** Waivers whose time is up and that nobody has ended: they waive nothing, and stay until somebody answers for them. */
export function overdueWaivers(waivers: readonly Waiver[], now: number): readonly Waiver[] {
  return waivers.filter((each) => each.expires_at <= now);
}
