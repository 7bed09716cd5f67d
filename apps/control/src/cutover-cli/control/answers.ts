import type { CutoverState, GateCounts, GateId, Plan, Verdict } from '@autopilot/cutover-flags';
import type { ComparisonCounts, ComparisonPair } from '@autopilot/cutover-flags/parity';

/** The state as control answers it. Times are milliseconds of the cutover clock. */
export type PublicState = Omit<CutoverState, 'answers'> & { readonly stage_name: string; readonly sealed: boolean };

/** `GET state`. */
export interface StateAnswer {
  readonly state: PublicState;
  readonly now: number;
  readonly clock_rate: number;
}

/** One receipt of `GET gates`. */
export interface GateReport {
  readonly gate: GateId;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly observed_to: number;
  readonly age_ms: number;
  readonly digest: string;
  readonly signed_by: readonly string[];
  readonly packages: Readonly<Record<string, string>>;
  readonly counts: GateCounts;
  readonly measures: Readonly<Record<string, number>>;
}

/** `GET gates`. */
export interface GatesAnswer {
  readonly gates: readonly GateReport[];
  readonly keys: readonly { readonly keyid: string; readonly gates: readonly string[] }[];
}

/** `GET status`. */
export interface StatusAnswer extends StateAnswer {
  readonly deployment: string;
  readonly rehearsed: boolean;
  readonly units: {
    readonly total: number;
    readonly live: number;
    readonly silent: number;
    readonly lanes: { readonly khala: number; readonly spacetime: number };
    readonly acknowledged: number;
    readonly drifting: number;
  };
  readonly drift: readonly {
    readonly unit: string;
    readonly kinds: readonly string[];
    readonly since: number | null;
    readonly seen: Readonly<Record<string, unknown>>;
  }[];
  readonly sample_ratio: { readonly p: number | null; readonly samples: number } | null;
  readonly mirror: {
    readonly state: string;
    readonly waiting: number;
    readonly oldest_age_seconds: number;
    readonly mirrored_streams: number;
    readonly broken_streams: number;
    readonly last_error: string | null;
  };
  readonly gates: readonly GateReport[];
  readonly rollback_reason: { readonly at: number; readonly event: string; readonly reason: string } | null;
  readonly next_steps: readonly string[];
}

/** `GET parity`. Null where nothing was compared. */
export interface ParityAnswer {
  readonly pair: ComparisonPair;
  readonly from: number | null;
  readonly to: number | null;
  readonly windows: number;
  readonly units: number;
  readonly counts: ComparisonCounts | null;
  readonly match_ratio: number | null;
  readonly measures?: Readonly<Record<string, number | null>>;
  readonly series: readonly { readonly from: number; readonly to: number; readonly counts: ComparisonCounts }[];
  readonly samples: readonly unknown[];
}

/** `POST plan`. */
export interface PlanAnswer {
  readonly plan: Plan;
  readonly clock_rate: number;
}

/** The answer to every command. */
export interface CommandAnswer {
  readonly revision: number;
  readonly replayed: boolean;
  readonly id: string | null;
  readonly events: readonly { readonly event: string; readonly data: Readonly<Record<string, unknown>> }[];
  readonly state: PublicState;
}

/** The answer to `POST receipts`, and with more of it to `POST gates/:gate/evaluate`. */
export interface ReceiptAnswer {
  readonly digest: string;
  readonly gate: GateId;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly duplicate: boolean;
}
