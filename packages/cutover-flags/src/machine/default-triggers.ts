import type { Trigger, TriggerClause } from './config.ts';

const minutes = (count: number) => count * 60_000;

function above(signal: string, limit: number, clear: number): TriggerClause {
  return { signal, above: limit, below: null, clear };
}

/**
 * What acts by itself. In Stage 1 a rollback takes the share of the units to zero. In Stage 2 going back is a person's
 * decision (the emergency fallback), so the same conditions hold and alert there.
 */
export const defaultTriggers: readonly Trigger[] = [
  {
    id: 'replay-lag-high',
    text: 'p95 of the replay lag is above 250 events.',
    clauses: [above('lag_events_p95', 250, 200)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'hold',
    stage_2: 'hold',
  },
  {
    id: 'replay-lag-critical',
    text: 'A unit lags by more than 10,000 events.',
    clauses: [above('lag_events_max', 10_000, 5_000)],
    samples: null,
    for_ms: minutes(1),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'stale-cursors',
    text: 'More than 50 cursors were stale.',
    clauses: [above('stale_cursors', 50, 40)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'auth-failures',
    text: 'More than 3 % of the authentications fail.',
    clauses: [above('auth_failure_ratio', 0.03, 0.02)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'token-issue-failures',
    text: 'More than 2 % of the tokens asked for are not issued.',
    clauses: [above('token_issue_failure_ratio', 0.02, 0.01)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'hold',
    stage_2: 'hold',
  },
  {
    id: 'reconnects',
    text: 'More than 1.5 reconnects a second.',
    clauses: [above('reconnects_per_second', 1.5, 1)],
    samples: null,
    for_ms: minutes(5),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'sustained-lag',
    text: 'p99 of the lag is above 2 seconds and rising.',
    clauses: [above('lag_seconds_p99', 2, 1.5), above('lag_seconds_slope', 0, 0)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'service-latency',
    text: 'p95 of the latency is above 600 ms.',
    clauses: [above('service_p95_ms', 600, 500)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'error-budget',
    text: 'More than 2 % of the requests fail.',
    clauses: [above('error_ratio', 0.02, 0.01)],
    samples: null,
    for_ms: minutes(10),
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'parity-mismatch',
    text: 'Mismatches are more than 3 sigma above the noise of a lane against itself, of at least 50 comparisons.',
    clauses: [above('parity_sigma_over_noise', 3, 2)],
    samples: { signal: 'parity_comparisons', at_least: 50 },
    for_ms: 0,
    stage_1: 'rollback-cohort',
    stage_2: 'hold',
  },
  {
    id: 'evidence-stale',
    text: 'A flip is planned and its oldest receipt is more than 24 hours old.',
    clauses: [above('planned_evidence_age_ms', 86_400_000, 86_400_000)],
    samples: null,
    for_ms: 0,
    stage_1: 'alert',
    stage_2: 'alert',
  },
  {
    id: 'fallback-used',
    text: 'The emergency fallback is in use.',
    clauses: [above('fallback_uses', 0, 0)],
    samples: null,
    for_ms: 0,
    stage_1: 'none',
    stage_2: 'hold',
  },
  {
    id: 'cohort-share',
    text: 'The units do not arrive in the shares that are set (p below 0.001).',
    clauses: [{ signal: 'sample_ratio_p', above: null, below: 0.001, clear: 0.01 }],
    samples: null,
    for_ms: 0,
    stage_1: 'hold',
    stage_2: 'none',
  },
  {
    id: 'stage-drift',
    text: 'Units are seen on another stage than the published one.',
    clauses: [above('units_on_other_stage', 0, 0)],
    samples: null,
    for_ms: minutes(5),
    stage_1: 'alert',
    stage_2: 'alert',
  },
  {
    id: 'token-expiry-near',
    text: 'The token of a live unit ends in less than 60 seconds.',
    clauses: [{ signal: 'token_seconds_left_min', above: null, below: 60, clear: 90 }],
    samples: null,
    for_ms: 30_000,
    stage_1: 'alert',
    stage_2: 'alert',
  },
];
