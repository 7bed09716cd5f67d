import { isKhalaTopic, type KhalaTopic } from './topics.ts';

/** A subscription as asked for. */
interface SubscribeRequest {
  readonly topics: readonly KhalaTopic[];
  readonly resume_after: ReadonlyMap<string, number>;
  readonly replay_batch_size: number | undefined;
}

/** Why a subscription is refused. */
type SubscribeRefusal =
  | { readonly code: 'bad_subscription' }
  | { readonly code: 'forbidden_topic'; readonly forbidden_topics: readonly string[] };

const bad: SubscribeRefusal = { code: 'bad_subscription' };

/** Topics trimmed, without blanks and repeats; undefined when nothing is left. */
export function parseTopics(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((topic): topic is string => typeof topic === 'string').map((topic) => topic.trim());
  const topics = [...new Set(texts.filter((topic) => topic !== ''))];
  return topics.length === 0 ? undefined : topics;
}

/** Reads a subscription in khala's order: the form of the topics, known ones, granted ones, the positions. */
export function parseSubscribe(payload: unknown, allowed: readonly string[]): SubscribeRequest | SubscribeRefusal {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return bad;
  const request = payload as Record<string, unknown>;
  const topics = parseTopics(request.topics);
  if (topics === undefined) return bad;
  const unknown = topics.filter((topic) => !isKhalaTopic(topic));
  if (unknown.length > 0) return { code: 'forbidden_topic', forbidden_topics: unknown };
  const forbidden = topics.filter((topic) => !allowed.includes(topic));
  if (forbidden.length > 0) return { code: 'forbidden_topic', forbidden_topics: forbidden };
  const resumeAfter = parseResumeAfter(request.resume_after);
  if (resumeAfter === undefined) return bad;
  const size = request.replay_batch_size;
  return {
    topics: topics.filter(isKhalaTopic),
    resume_after: resumeAfter,
    replay_batch_size: Number.isSafeInteger(size) && (size as number) > 0 ? (size as number) : undefined,
  };
}

function parseResumeAfter(value: unknown): Map<string, number> | undefined {
  if (value === undefined || value === null) return new Map();
  if (typeof value !== 'object') return undefined;
  const entries = Array.isArray(value)
    ? value.map((entry: unknown) => {
        const { topic, watermark } = (entry ?? {}) as Record<string, unknown>;
        return [topic, watermark] as const;
      })
    : Object.entries(value);
  const sound = entries.every(
    ([topic, watermark]) => typeof topic === 'string' && Number.isSafeInteger(watermark) && (watermark as number) >= 0,
  );
  return sound ? new Map(entries as [string, number][]) : undefined;
}
