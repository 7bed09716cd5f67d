/** The four topics that khala's channel knows. */
export const khalaTopics = [
  'runtime.run_summaries',
  'runtime.codex_worker_summaries',
  'runtime.codex_worker_events',
  'runtime.notifications',
] as const;

/** A topic of the channel. */
export type KhalaTopic = (typeof khalaTopics)[number];

/** The topic that worker events go to. */
export const workerEvents: KhalaTopic = 'runtime.codex_worker_events';

/** What a stale_cursor error says of the snapshot of a topic. */
interface SnapshotSource {
  readonly cadence_seconds: number;
  readonly source_table: string;
}

/** Retention and replay rules of one topic. */
export interface TopicPolicy {
  readonly qos_tier: 'hot' | 'warm' | 'cold';
  /** The most events that a resume may lie behind the head. */
  readonly replay_budget_events: number;
  readonly max_age_seconds: number;
  readonly snapshot: SnapshotSource | null;
}

/** The rules as khala has them. */
export const topicPolicies: Readonly<Record<KhalaTopic, TopicPolicy>> = {
  'runtime.run_summaries': {
    qos_tier: 'warm',
    replay_budget_events: 20_000,
    max_age_seconds: 604_800,
    snapshot: { cadence_seconds: 300, source_table: 'runtime.sync_run_summaries' },
  },
  'runtime.codex_worker_summaries': {
    qos_tier: 'warm',
    replay_budget_events: 10_000,
    max_age_seconds: 259_200,
    snapshot: { cadence_seconds: 120, source_table: 'runtime.sync_codex_worker_summaries' },
  },
  'runtime.codex_worker_events': {
    qos_tier: 'hot',
    replay_budget_events: 3000,
    max_age_seconds: 86_400,
    snapshot: null,
  },
  'runtime.notifications': { qos_tier: 'cold', replay_budget_events: 500, max_age_seconds: 43_200, snapshot: null },
};

/** Whether a text names a topic of the channel. */
export function isKhalaTopic(text: string): text is KhalaTopic {
  return Object.hasOwn(topicPolicies, text);
}
