import type { TrustedKey } from '../gates/keys.ts';

/** What spacetime holds: a switch to an empty one is refused. */
export interface TargetFacts {
  readonly streams: number;
  readonly heads: number;
  readonly events: number;
  /** Units that were heard of lately. */
  readonly units: number;
}

/** What the binding probe found. */
export interface BindingFacts {
  readonly ok: boolean;
  readonly module_schema: string | null;
  readonly protocols: readonly string[];
}

/** How the units on spacetime are served. Times are milliseconds since the Unix epoch. */
export interface ServiceFacts {
  readonly from: number;
  readonly to: number;
  readonly samples: number;
  readonly p95_ms: number;
  /** Errors for each sample: events that were not served as they should be. */
  readonly error_ratio: number;
}

/** Result of the sample-ratio check, see `sampleRatio`. `p` is null when it said nothing. */
export interface SampleRatioFacts {
  readonly samples: number;
  readonly p: number | null;
}

/** How often the emergency fallback was used since `since`, milliseconds since the Unix epoch. */
export interface FallbackFacts {
  readonly since: number;
  readonly uses: number;
  /** Units that have reported since then: where nobody reports, no use is reported either. */
  readonly units: number;
}

/** Where the live units are, as they say. */
export interface PlacementFacts {
  readonly units: number;
  /** Those of them that are connected, on the lane of the published policy, with the events that control delivered. */
  readonly settled: number;
}

/** What control observes itself. Null: not known, which is never good. */
export interface CutoverFacts {
  readonly target: TargetFacts | null;
  readonly binding: BindingFacts | null;
  /** Whether khala answers and could take the units back. */
  readonly khala: { readonly reachable: boolean } | null;
  readonly service: ServiceFacts | null;
  readonly sample_ratio: SampleRatioFacts | null;
  readonly placement: PlacementFacts | null;
  readonly fallback: FallbackFacts | null;
}

/** All that a plan may rest on. */
export interface Evidence {
  /** Name to version of the packages in use. */
  readonly packages: Readonly<Record<string, string>>;
  readonly commit: string | null;
  readonly module_schema: string | null;
  /** DSSE envelopes as they were submitted. Each is verified here; what is not trusted counts for nothing. */
  readonly receipts: readonly unknown[];
  readonly trusted_keys: readonly TrustedKey[];
  readonly facts: CutoverFacts;
}

/** Facts of which nothing is known. */
export const noFacts: CutoverFacts = {
  target: null,
  binding: null,
  khala: null,
  service: null,
  sample_ratio: null,
  placement: null,
  fallback: null,
};
