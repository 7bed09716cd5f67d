import { sinkStates } from '../spacetime/event-sink.ts';

/** One metric of the service. Label values are closed lists, so that the number of series is known. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram, seconds. */
  readonly buckets?: readonly number[];
}

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
} as const satisfies Record<string, MetricSpec>;

/** The name of a metric. */
export type MetricName = keyof typeof metricTable;
