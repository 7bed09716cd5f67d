import type { GateId } from '../gates/gate.ts';
import type { GateRequirement } from '../gates/requirement.ts';
import { type CutoverConfig, configSchema, type GateEntry } from './config.ts';
import { defaultTriggers } from './default-triggers.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What a receipt of a package's own gate has to show. */
const ofPackage: GateRequirement = {
  max_age_ms: day,
  min_cases: 5,
  min_events: 0,
  min_duration_ms: 0,
  measures: [],
  packages: [],
  only_with: null,
  same_commit: false,
  same_schema: false,
  needs_protocols: false,
  since_change: false,
  waivable: true,
};

/** What a gate on the traffic of both lanes has to show. */
const ofTraffic: GateRequirement = {
  ...ofPackage,
  same_schema: true,
  needs_protocols: true,
  waivable: false,
};

const gates: Readonly<Record<GateId, GateRequirement>> = {
  'replay-determinism': { ...ofPackage, packages: ['@autopilot/apply-engine', '@autopilot/checkpoint'] },
  'duplicate-delivery': { ...ofPackage, packages: ['@autopilot/apply-engine', '@autopilot/checkpoint'] },
  'stale-cursor-recovery': { ...ofPackage, packages: ['@autopilot/session'] },
  'token-refresh': { ...ofPackage, packages: ['@autopilot/session'] },
  'bridge-isolation': {
    ...ofPackage,
    packages: ['@autopilot/nostr-bridge'],
    only_with: '@autopilot/nostr-bridge',
  },
  parity: {
    ...ofTraffic,
    min_cases: 50,
    min_events: 50_000,
    min_duration_ms: day,
    since_change: true,
    measures: [
      { measure: 'match_ratio', at_least: 0.9999, at_most: 1 },
      { measure: 'left_out_share', at_least: 0, at_most: 0.01 },
      // Two bursts a day apart are no day.
      { measure: 'covered_ms', at_least: 0.9 * day, at_most: null },
    ],
  },
  // One lane against itself: the noise that parity is read against.
  'parity-null': { ...ofTraffic, min_cases: 50, min_events: 50 },
  'rollback-drill': {
    ...ofTraffic,
    max_age_ms: 7 * day,
    min_cases: 1,
    min_events: 1,
    measures: [
      { measure: 'lost', at_least: 0, at_most: 0 },
      { measure: 'repeated', at_least: 0, at_most: 0 },
    ],
  },
  'lane-conformance': {
    ...ofPackage,
    packages: ['@autopilot/legacy-lane'],
    only_with: '@autopilot/legacy-lane',
  },
  rulebook: { ...ofPackage, packages: ['@autopilot/cutover-flags'] },
  'router-handover': { ...ofPackage, packages: ['@autopilot/desktop'] },
  removal: { ...ofPackage, min_cases: 1, waivable: false },
};

const entry = (gate: GateId): GateEntry => ({ gate, measures: [] });

const packageGates: readonly GateEntry[] = (
  [
    'replay-determinism',
    'duplicate-delivery',
    'stale-cursor-recovery',
    'token-refresh',
    'bridge-isolation',
    'lane-conformance',
    'rulebook',
    'router-handover',
  ] as const
).map(entry);

/** What holds unless it is set otherwise. */
export const defaultCutoverConfig: CutoverConfig = {
  schema: configSchema,
  approvals: 2,
  request_ttl_ms: day,
  gates,
  steps: {
    // No drill: it takes units on spacetime to see them go back. Stage 1 begins with a share of nothing and khala in
    // reach, and a drill is asked for before it becomes the default.
    enter_1: {
      gates: [entry('parity-null'), entry('parity'), ...packageGates],
      conditions: ['target', 'binding', 'reverse-path'],
    },
    cohort: {
      gates: [entry('parity')],
      conditions: ['target', 'reverse-path', 'soak', 'service', 'sample-ratio'],
    },
    enter_2: {
      gates: [
        entry('parity'),
        // The drill is repeated when at least half of the units have something to go back from.
        {
          gate: 'rollback-drill',
          measures: [{ measure: 'cohort_percent', at_least: 50, at_most: null }],
        },
        ...packageGates,
      ],
      conditions: ['target', 'binding', 'reverse-path', 'soak', 'service', 'sample-ratio', 'no-emergency'],
    },
    // No drill either: one in Stage 2 would begin its release cycles anew, and a drill from before is older by then than
    // one may be.
    enter_3: {
      gates: [entry('removal'), ...packageGates],
      conditions: ['target', 'binding', 'release-cycles', 'no-fallback', 'no-emergency', 'no-waiver'],
    },
    seal: {
      gates: [entry('removal'), entry('rulebook')],
      conditions: ['target', 'no-fallback', 'no-emergency', 'no-waiver'],
    },
  },
  cohort: { steps: [1, 5, 10, 25, 50, 100], soak_ms: 1_800_000 },
  service: { p95_ms: 600, error_budget: 0.02, min_samples: 50, max_age_ms: 15 * minute },
  sample_ratio: { p: 0.001, from_units: 500 },
  flip: { ack_timeout_ms: 2 * minute, ack_ratio: 0.95 },
  cooldown: { after_flip_ms: 10 * minute, after_rollback_ms: hour },
  release: { cycles: 2, min_cycle_ms: 7 * day },
  waivers: { max_ms: 14 * day },
  emergency: { max_ms: day },
  triggers: defaultTriggers,
  trigger_clear_ms: 10 * minute,
  shadow_sample: { stage_0: 1, stage_1: 1, stage_2: 0 },
};
