import { gateIds } from '@autopilot/cutover-flags';
import { comparisonPairs, comparisonResults } from '@autopilot/cutover-flags/parity';
import { laneIds } from '@autopilot/sync-contract';
import { sinkStates } from '../spacetime/event-sink.ts';
import { bridgeMetrics } from './bridge-metrics.ts';
import type { MetricSpec } from './metric-spec.ts';

/** Every metric that /metrics serves besides those of the Node process. */
export const metricTable = {
  cutover_token_issue_total: {
    type: 'counter',
    help: 'Answers of POST /v1/sync/token by result: issued, or the code of the refusal.',
    labels: {
      result: [
        'issued',
        'unauthorized',
        'forbidden',
        'rate_limited',
        'invalid_request',
        'incompatible',
        'unavailable',
        'other',
      ],
    },
  },
  cutover_token_issue_duration_seconds: {
    type: 'histogram',
    help: 'Time to answer POST /v1/sync/token with a token.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  cutover_projection_events_total: {
    type: 'counter',
    help: 'Events of POST /v1/projections by what became of them at the door.',
    labels: { outcome: ['accepted', 'duplicate', 'refused'] },
  },
  cutover_outbox_depth_events: { type: 'gauge', help: 'Accepted events that the database does not have yet.' },
  cutover_outbox_oldest_age_seconds: {
    type: 'gauge',
    help: 'Age of the oldest accepted event that the database does not have yet; 0 when there is none.',
  },
  cutover_outbox_parked_streams: {
    type: 'gauge',
    help: 'Streams that wait for an operator because of a refused event.',
  },
  cutover_append_total: {
    type: 'counter',
    help: 'Appends by outcome. Retry counts attempts that will be made again, refused those that will not.',
    labels: { outcome: ['appended', 'duplicate', 'sequence_conflict', 'refused', 'retry'] },
  },
  cutover_append_duration_seconds: {
    type: 'histogram',
    help: 'Time from sending an append to its receipt.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  cutover_session_state: {
    type: 'gauge',
    help: 'State of the connection to the database: 1 for the state it is in, 0 for the others.',
    labels: { state: sinkStates },
  },
  cutover_session_connections_total: {
    type: 'counter',
    help: 'How often the connection to the database has become live; each one after the first is a reconnect.',
  },
  cutover_session_token_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the token of the connection expires, seconds since the epoch; 0 before the first token.',
  },
  cutover_nostr_challenges_total: {
    type: 'counter',
    help: 'Answers of POST /v1/nostr/challenges by result: issued, or the code of the refusal.',
    labels: { result: ['issued', 'unauthorized', 'forbidden', 'rate_limited', 'invalid_request', 'other'] },
  },
  cutover_nostr_bindings_total: {
    type: 'counter',
    help: 'Answers of POST and DELETE /v1/nostr/bindings by result: bound, unbound, or the code of the refusal.',
    labels: {
      result: [
        'bound',
        'unbound',
        'unauthorized',
        'forbidden',
        'rate_limited',
        'invalid_request',
        'event_forged',
        'event_unfit',
        'event_out_of_time',
        'challenge_unknown',
        'challenge_expired',
        'challenge_used',
        'challenge_foreign',
        'conflict',
        'keys_full',
        'unavailable',
        'other',
      ],
    },
  },
  cutover_stage_info: {
    type: 'gauge',
    help: 'The published stage: 1 for the stage it is, 0 for the others.',
    labels: { stage: ['0', '1', '2', '3'] },
  },
  cutover_stage_revision: { type: 'gauge', help: 'Revision of the policy that units are to have.' },
  cutover_units: { type: 'gauge', help: 'Live units by the lane they say they are on.', labels: { lane: laneIds } },
  cutover_units_silent: {
    type: 'gauge',
    help: 'Units that are known and were not heard of for three heartbeats of time in which control listened.',
  },
  cutover_units_drifting: { type: 'gauge', help: 'Live units that differ from what is wanted of them.' },
  cutover_gate_verdict: {
    type: 'gauge',
    help: 'The last verdict of each gate: 1 for the verdict it is, all 0 without a receipt. The worst of its packages.',
    labels: { gate: gateIds, verdict: ['pass', 'fail', 'inconclusive'] },
  },
  cutover_evidence_age_seconds: {
    type: 'gauge',
    help: 'Age of the oldest receipt that counts for a gate, by the cutover clock; +Inf without a receipt.',
    labels: { gate: gateIds },
  },
  cutover_fallback_use_total: {
    type: 'counter',
    help: 'Units that began to use the emergency fallback, by whom it was meant for; none: it was not in force.',
    labels: { cohort: ['all', 'listed', 'none'] },
  },
  cutover_parity_comparisons_total: {
    type: 'counter',
    help: 'Comparisons that units have reported, by the lanes compared and the result.',
    labels: { pair: comparisonPairs, result: comparisonResults },
  },
  cutover_rollbacks_total: {
    type: 'counter',
    help: 'Steps back by what made them: an operator, a trigger, or a flip that was not acknowledged in time.',
    labels: { by: ['operator', 'trigger', 'timeout'] },
  },
  cutover_holds: { type: 'gauge', help: 'Holds that keep the cutover from going forward.' },
  cutover_mirror_depth_events: { type: 'gauge', help: 'Accepted events that khala does not have yet.' },
  cutover_mirror_oldest_age_seconds: {
    type: 'gauge',
    help: 'Age of the oldest accepted event that khala does not have yet; 0 when there is none.',
  },
  cutover_mirror_streams: {
    type: 'gauge',
    help: 'Streams whose events go to khala too, and those that are mirrored no more because khala missed an event.',
    labels: { state: ['on', 'broken'] },
  },
  cutover_mirror_events_total: {
    type: 'counter',
    help: 'Events of the mirror. Duplicate: found on khala after an unknown outcome. Dropped: khala will never have them.',
    labels: { outcome: ['appended', 'duplicate', 'retry', 'dropped'] },
  },
  ...bridgeMetrics,
} as const satisfies Record<string, MetricSpec>;

/** The name of a metric. */
export type MetricName = keyof typeof metricTable;
