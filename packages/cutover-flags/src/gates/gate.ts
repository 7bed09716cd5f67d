/** Every gate that a flip may ask for. */
export const gateIds = [
  'replay-determinism',
  'duplicate-delivery',
  'stale-cursor-recovery',
  'token-refresh',
  'bridge-isolation',
  'parity',
  'parity-null',
  'rollback-drill',
  'lane-conformance',
  'rulebook',
  'router-handover',
  'removal',
] as const;

/** The name of a gate. */
export type GateId = (typeof gateIds)[number];

/** Inconclusive never promotes. */
export type Verdict = 'pass' | 'fail' | 'inconclusive';

/** What a gate saw: the predicate of its in-toto statement. Times are milliseconds since the Unix epoch. */
export interface GateObservation {
  readonly gate: GateId;
  readonly verdict: Verdict;
  /** Why, for a person; the first failed case or the missing evidence. */
  readonly reason: string;
  readonly observed_from: number;
  readonly observed_to: number;
  readonly counts: GateCounts;
  /** What the cases are called, where the gate is a run of named ones. */
  readonly case_names?: readonly string[];
  /** What else was measured, e.g. `match_ratio`. Every value is finite, or the verdict is not pass. */
  readonly measures: Readonly<Record<string, number>>;
  readonly environment: GateEnvironment;
}

/** How much was looked at. */
export interface GateCounts {
  /** Tests, drills or comparisons that ran. */
  readonly cases: number;
  readonly failed: number;
  readonly skipped: number;
  /** Events that flowed through what was looked at. */
  readonly events: number;
}

/** What exactly was looked at. */
export interface GateEnvironment {
  /** Name to version of the packages that were run. */
  readonly packages: Readonly<Record<string, string>>;
  /** Of the source, followed by `+dirty` when the tree held changes that are not in it; null when not known. */
  readonly commit: string | null;
  /** Digest of the module's schema; null where no module took part. */
  readonly module_schema: string | null;
  /** Agreed websocket subprotocols and sync protocol, e.g. `v3.bsatn.spacetimedb`; empty where none took part. */
  readonly protocols: readonly string[];
}
