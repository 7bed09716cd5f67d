// The shapes of khala's JSON. Unknown members are left out; missing or mistyped ones are refused.
import { z } from 'zod';

/** A counter. JSON numbers from 2^53 on are not exact, so they are refused instead of rounded. */
export const counter = z.int().nonnegative().transform(BigInt);

const watermark = z.object({ topic: z.string(), watermark: counter });

const update = z.object({
  topic: z.string(),
  doc_key: z.string(),
  doc_version: counter,
  payload: z.unknown(),
  /** Base64 of the 32 bytes of SHA-256 over the canonical JSON of the payload. */
  payload_hash: z
    .string()
    .nullish()
    .transform((hash) => hash ?? null),
  watermark: counter,
  hydration_required: z.boolean().optional().default(false),
});

export const updateBatch = z.object({
  updates: z.array(update),
  replay_complete: z.boolean(),
  head_watermarks: z.array(watermark),
});

export const heartbeat = z.object({ watermarks: z.array(watermark) });

export const joinedReply = z.object({
  subscription_id: z.string(),
  allowed_topics: z.array(z.string()),
  current_watermarks: z.array(watermark).optional().default([]),
});
export const subscribedReply = z.object({
  subscription_id: z.string(),
  topics: z.array(z.string()),
  current_watermarks: z.array(watermark),
});
export const unsubscribedReply = z.object({ subscription_id: z.string(), topics: z.array(z.string()) });
export const heartbeatReply = z.object({ subscription_id: z.string(), watermarks: z.array(watermark) });

const staleTopic = z.object({
  topic: z.string(),
  reason: z.string(),
  resume_after: counter,
  retention_floor: counter,
  head_watermark: counter,
  replay_lag: counter.nullish(),
  replay_budget_events: counter.nullish(),
});

const message = z.string().optional().default('');

export const staleCursor = z.object({
  code: z.literal('stale_cursor'),
  message,
  full_resync_required: z.boolean().optional().default(true),
  reason_codes: z.array(z.string()),
  stale_topics: z.array(staleTopic),
});
export const slowConsumer = z.object({
  code: z.literal('slow_consumer'),
  message,
  action: z.enum(['throttle', 'disconnect']),
  topic: z.string().nullish(),
  queue_depth: z.number().optional(),
  queue_limit: z.number().optional(),
  reconnect_after_ms: z.number().nonnegative().optional().default(2000),
  full_resync_required: z.boolean().optional().default(false),
});
export const reauthRequired = z.object({
  code: z.literal('reauth_required'),
  message,
  reason: z
    .string()
    .nullish()
    .transform((reason) => reason ?? ''),
});
export const compatRefusal = z.object({
  code: z.enum([
    'invalid_client_build',
    'unsupported_protocol_version',
    'unsupported_schema_version',
    'upgrade_required',
    'unsupported_client_build',
  ]),
  message,
  min_client_build_id: z.string().nullish(),
  max_client_build_id: z.string().nullish(),
  min_schema_version: z.number().nullish(),
  max_schema_version: z.number().nullish(),
  protocol_version: z.string().nullish(),
});
export const forbiddenTopic = z.object({
  code: z.literal('forbidden_topic'),
  message,
  forbidden_topics: z.array(z.string()),
});

export const frameEnvelope = z.object({
  topic: z.string(),
  seq: counter,
  kind: z.string(),
  payload_bytes: z.string(),
  schema_version: z.literal(1),
});

export type KhalaUpdate = Readonly<z.output<typeof update>>;
export type KhalaUpdateBatch = Readonly<z.output<typeof updateBatch>>;
export type KhalaWatermark = Readonly<z.output<typeof watermark>>;
export type StaleCursor = Readonly<z.output<typeof staleCursor>>;
export type SlowConsumer = Readonly<z.output<typeof slowConsumer>>;
export type ReauthRequired = Readonly<z.output<typeof reauthRequired>>;
export type CompatRefusal = Readonly<z.output<typeof compatRefusal>>;
export type ForbiddenTopic = Readonly<z.output<typeof forbiddenTopic>>;
