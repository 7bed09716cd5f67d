import type { TopicLog } from './topic-log.ts';
import type { KhalaTopic } from './topics.ts';
import type { KhalaWorld } from './world.ts';

/** The error that asks a client to sign in again. */
export function reauthRequired(reason: string): object {
  return {
    code: 'reauth_required',
    message: 'session access was revoked; sign in again',
    reauth_required: true,
    reason,
  };
}

type StaleReason = 'retention_floor_breach' | 'replay_budget_exceeded';

/** The stale_cursor error of a subscription, and the topic that its frame names; undefined when it can be served. */
export function staleCursor(
  world: KhalaWorld,
  topics: readonly KhalaTopic[],
  resumeAfter: ReadonlyMap<string, number>,
): { readonly topic: string; readonly error: object } | undefined {
  const stale = topics.flatMap((topic) => {
    const after = resumeAfter.get(topic);
    const log = world.log(topic);
    // A topic without a position starts at the oldest entry, and nobody is told what is missing.
    const reason = after === undefined ? undefined : staleReason(log, after);
    return after === undefined || reason === undefined ? [] : [{ topic, log, after, reason }];
  });
  const first = stale[0];
  if (first === undefined) return undefined;
  const error = {
    code: 'stale_cursor',
    message: 'cursor is outside of the replay window; resync is required',
    full_resync_required: true,
    reason_codes: [...new Set(stale.map(({ reason }) => reason))],
    stale_topics: stale.map(({ topic, log, after, reason }) => ({
      topic,
      reason,
      qos_tier: log.policy.qos_tier,
      resume_after: after,
      retention_floor: log.floor,
      head_watermark: log.head,
      replay_lag: log.head - after,
      replay_budget_events: log.policy.replay_budget_events,
    })),
    snapshot_plan: {
      format: 'openagents.sync.snapshot.v1',
      topics: stale.map(({ topic, log }) => ({
        topic,
        head_watermark: log.head,
        snapshot: snapshotOf(topic, log),
      })),
    },
  };
  return { topic: first.topic, error };
}

function staleReason(log: TopicLog, after: number): StaleReason | undefined {
  if (after < log.floor) return 'retention_floor_breach';
  return log.head - after > log.policy.replay_budget_events ? 'replay_budget_exceeded' : undefined;
}

function snapshotOf(topic: KhalaTopic, log: TopicLog): object | null {
  const { snapshot } = log.policy;
  if (snapshot === null) return null;
  return { topic, format: 'openagents.sync.snapshot.v1', schema_version: 1, ...snapshot };
}
