import {
  canonicalJson,
  canonicalPayloadHash,
  isCodedError,
  type JsonValue,
  type SyncEvent,
  streamIdForTopic,
} from '@autopilot/sync-contract';
import { z } from 'zod';
import { counter } from './schemas.ts';
import { microsecondsOf } from './time.ts';

/** The epoch of events that were written to khala itself and not mirrored. */
export const nativeEpoch = 'khala';

/** The one topic that carries events of workers. */
export const workerEventsTopic = 'runtime.codex_worker_events';

/** One event of a worker, as the topic and the HTTP pages give it. */
export interface WorkerEvent {
  readonly worker_id: string;
  /** The worker's own counter: the position in the stream. */
  readonly seq: bigint;
  readonly event_type: string;
  readonly payload: unknown;
  readonly occurred_at: string;
}

/** Why a worker event cannot become an event of a stream. */
export interface WorkerEventError {
  readonly type: 'unusable';
  readonly code: 'missing_field' | 'wrong_type' | 'two_spellings' | 'mirror_invalid' | 'unrepresentable' | 'bad_time';
  /** JSON Pointer inside the worker event. */
  readonly path: string;
}

const spellings = [
  ['worker_id', 'workerId'],
  ['event_type', 'eventType'],
  ['occurred_at', 'occurredAt'],
] as const;

const shape = z.object({
  worker_id: z.string().min(1),
  seq: counter.refine((seq) => seq > 0n),
  event_type: z.string(),
  payload: z.unknown(),
  occurred_at: z.string(),
});

const mirror = z.object({
  oa_mirror: z.object({ v: z.literal(1), epoch: z.string().min(1), idempotency_key: z.string().min(1) }),
  body: z.unknown(),
});

/**
 * Reads a worker event; khala writes each name twice, in both spellings, and either is enough.
 *
 * @param askedFor the worker whose page it stands in: there khala leaves the name out.
 */
export function decodeWorkerEvent(value: unknown, askedFor?: string): WorkerEvent | WorkerEventError {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return unusable('wrong_type', '');
  const fields: Record<string, unknown> = { ...value };
  for (const [snake, camel] of spellings) {
    if (fields[snake] !== undefined && fields[camel] !== undefined && fields[snake] !== fields[camel]) {
      return unusable('two_spellings', `/${snake}`);
    }
    fields[snake] ??= fields[camel];
  }
  if (askedFor !== undefined && (fields.worker_id ?? askedFor) !== askedFor)
    return unusable('wrong_type', '/worker_id');
  fields.worker_id ??= askedFor;
  if (!('payload' in fields)) return unusable('missing_field', '/payload');
  const result = shape.safeParse(fields);
  if (result.success) return { ...result.data, payload: fields.payload };
  const [issue] = result.error.issues;
  const field = String(issue?.path[0] ?? '');
  return unusable(fields[field] === undefined ? 'missing_field' : 'wrong_type', `/${field}`);
}

/**
 * The event of a stream that a worker event stands for. One that was mirrored names its epoch and key itself; any other
 * is native: epoch `khala`, a key made of worker and sequence.
 */
export function syncEventOf(event: WorkerEvent): SyncEvent | WorkerEventError {
  const native = !isObject(event.payload) || !('oa_mirror' in event.payload);
  const mirrored = native ? undefined : mirror.safeParse(event.payload);
  if (mirrored !== undefined && (!mirrored.success || !('body' in (event.payload as object)))) {
    return unusable('mirror_invalid', '/payload/oa_mirror');
  }
  const committed_at = microsecondsOf(event.occurred_at);
  if (committed_at === undefined) return unusable('bad_time', '/occurred_at');
  const named = mirrored?.data?.oa_mirror;
  const body = (mirrored === undefined ? event.payload : mirrored.data?.body) as JsonValue;
  try {
    const payload = canonicalJson(body);
    return {
      stream_id: streamIdForTopic(event.worker_id),
      epoch: named?.epoch ?? nativeEpoch,
      seq: event.seq,
      kind: event.event_type.replace(/^worker\./, ''),
      payload,
      payload_hash: canonicalPayloadHash(payload),
      idempotency_key: named?.idempotency_key ?? `khala:${event.worker_id}:${event.seq}`,
      committed_at,
    };
  } catch (error) {
    // Integers that JSON numbers do not hold, lone surrogates, too deep: nothing a hash could be made of.
    const path = isCodedError(error) && typeof error.details.path === 'string' ? error.details.path : '';
    return unusable('unrepresentable', `/payload${path}`);
  }
}

/** Worker and sequence out of a `doc_key` such as `runtime/codex_worker_event:<worker>:<seq>`. */
export function workerOfDocKey(docKey: string): { readonly worker_id: string; readonly seq: bigint } | undefined {
  const parts = /^runtime\/codex_worker_event:(.+):([1-9]\d{0,17})$/s.exec(docKey);
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  return { worker_id: parts[1], seq: BigInt(parts[2]) };
}

/** Whether a value is one of the errors above. */
export function isUnusable(value: object): value is WorkerEventError {
  return 'type' in value && value.type === 'unusable';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unusable(code: WorkerEventError['code'], path: string): WorkerEventError {
  return { type: 'unusable', code, path };
}
