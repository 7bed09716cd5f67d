import { z } from 'zod';
import { counter } from '../wire/schemas.ts';

/** What old clients of khala stored, in any version. */
export interface LegacySyncState {
  readonly version: 0 | 1;
  readonly topic_watermarks: Readonly<Record<string, bigint>>;
  readonly subscribed_topics: readonly string[];
  /** Milliseconds since the Unix epoch; undefined in version 0. */
  readonly updated_at_unix_ms: bigint | undefined;
}

/** Why a stored state is of no use. */
export interface LegacyStateError {
  readonly type: 'unusable-state';
  readonly code: 'not_json' | 'unsupported_version' | 'invalid_shape';
  readonly path: string;
}

const fields = {
  topic_watermarks: z.record(z.string(), counter).optional().default({}),
  subscribed_topics: z.array(z.string()).optional().default([]),
};
const v0 = z.object(fields);
const v1 = z.object({ ...fields, updated_at_unix_ms: counter });

/** Reads the stored state of an old client: an object, or its JSON text. Version 0 had no version and no time. */
export function decodeLegacyState(stored: unknown): LegacySyncState | LegacyStateError {
  let value = stored;
  if (typeof stored === 'string') {
    try {
      value = JSON.parse(stored);
    } catch {
      return { type: 'unusable-state', code: 'not_json', path: '' };
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { type: 'unusable-state', code: 'invalid_shape', path: '' };
  }
  const { schema_version: version } = value as { schema_version?: unknown };
  // A state with a time is of version 1 also where the version itself was left out.
  const isFirst = version === 1 || (version === undefined && 'updated_at_unix_ms' in value);
  if (!isFirst && version !== undefined && version !== 0) {
    return { type: 'unusable-state', code: 'unsupported_version', path: '/schema_version' };
  }
  const result = isFirst ? v1.safeParse(value) : v0.safeParse(value);
  if (!result.success) {
    const path = (result.error.issues[0]?.path ?? []).map((part) => `/${String(part)}`).join('');
    return { type: 'unusable-state', code: 'invalid_shape', path };
  }
  const time = 'updated_at_unix_ms' in result.data ? (result.data.updated_at_unix_ms as bigint) : undefined;
  const { topic_watermarks, subscribed_topics } = result.data;
  return { version: isFirst ? 1 : 0, topic_watermarks, subscribed_topics, updated_at_unix_ms: time };
}
