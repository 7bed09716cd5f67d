import type {
  AuditHead,
  AuditRecord,
  CutoverConfig,
  CutoverState,
  GateCounts,
  GateId,
  Rule,
  SampleRatio,
  Stage,
  Verdict,
} from '@autopilot/cutover-flags';
import type { ComparisonCounts, ComparisonPair, Sample } from '@autopilot/cutover-flags/parity';
import type { LaneId } from '@autopilot/sync-contract';
import type { LagPoint } from '../../src/console/lag-history.ts';
import type { DriftKind } from '../../src/cutover/drift.ts';
import type { KnownUnit } from '../../src/cutover/unit-store.ts';

// What control answers, as docs/cutover-api.md says it.

/** GET /v1/cutover/status. Times are of the cutover clock, except those of drift. */
export interface Status {
  readonly deployment: string;
  readonly now: number;
  readonly clock_rate: number;
  readonly rehearsed: boolean;
  readonly state: PublicState;
  readonly units: {
    readonly total: number;
    readonly live: number;
    readonly silent: number;
    readonly lanes: Readonly<Record<LaneId, number>>;
    readonly acknowledged: number;
    readonly drifting: number;
  };
  readonly drift: readonly { readonly unit: string; readonly kinds: readonly DriftKind[]; readonly since: number }[];
  readonly sample_ratio: SampleRatio | null;
  readonly packages: Readonly<Record<string, string>>;
  readonly mirror: {
    readonly state: 'absent' | 'on' | 'off';
    readonly waiting: number;
    readonly oldest_age_seconds: number;
    readonly mirrored_streams: number;
    readonly broken_streams: number;
    readonly last_error: string | { readonly code: string; readonly message: string } | null;
  };
  readonly gates: readonly GateRow[];
  readonly rollback_reason: { readonly at: number; readonly event: string; readonly reason: string } | null;
  readonly audit: AuditHead;
  readonly next_target: Stage | 'sealed' | null;
  readonly next_steps: readonly string[];
}

export type PublicState = Omit<CutoverState, 'answers'> & { readonly stage_name: string; readonly sealed: boolean };

/** The last receipt of a gate and a set of packages. */
export interface GateRow {
  readonly gate: GateId;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly observed_from: number;
  readonly observed_to: number;
  readonly age_ms: number;
  readonly digest: string;
  readonly signed_by: readonly string[] | string;
  readonly packages: Readonly<Record<string, string>>;
  readonly counts: GateCounts;
  readonly measures: Readonly<Record<string, number>>;
}

export interface Parity {
  readonly pair: ComparisonPair;
  readonly from: number | null;
  readonly to: number | null;
  readonly windows: number;
  readonly units: number;
  readonly counts: ComparisonCounts | null;
  readonly match_ratio: number | null;
  readonly measures?: Readonly<Record<string, number | null>>;
  /** All windows in order of time, put together by when they ended. */
  readonly series: readonly { readonly from: number; readonly to: number; readonly counts: ComparisonCounts }[];
  readonly samples: readonly Partial<Sample>[];
}

export type UnitRow = KnownUnit & { readonly silent: boolean };

export interface Lag {
  readonly now: number;
  readonly every_ms: number;
  readonly points: readonly LagPoint[];
}

export interface Facts {
  readonly rules: readonly Rule[];
  readonly stages: readonly { readonly stage: Stage; readonly name: string }[];
  readonly own_gates: readonly GateId[];
  readonly config: CutoverConfig;
}

export interface AuditPage {
  readonly records: readonly AuditRecord[];
  readonly head: AuditHead;
}

export interface AuditCheck {
  readonly ok: boolean;
  readonly records: number;
  readonly reason?: string;
}

/** Who is signed in. */
export interface Who {
  readonly client_id: string;
  readonly scopes: readonly string[];
  readonly expires_at: number;
}

/** What control says when it refuses. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly details?: Readonly<Record<string, unknown>>;
}
