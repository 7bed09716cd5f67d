// Frames of dialect A as a server writes them, one of each kind.

/** A frame as text. */
export function frame(
  event: string,
  payload: unknown,
  { ref = null, topic = 'sync:v1' }: { ref?: string | null; topic?: string } = {},
): string {
  return JSON.stringify([ref === null ? null : '1', ref, topic, event, payload]);
}

/** The second copy of a push. */
export function twin(kind: string, payload: unknown, seq = 0): string {
  return frame('sync:frame', {
    topic: 'runtime.codex_worker_events',
    seq,
    kind: `KHALA_FRAME_KIND_${kind}`,
    payload_bytes: Buffer.from(JSON.stringify(payload)).toString('base64'),
    schema_version: 1,
  });
}

export const topic = 'runtime.codex_worker_events';

export const batch = {
  updates: [
    {
      topic,
      doc_key: 'runtime/codex_worker_event:desktopw:host:shared:3',
      doc_version: 3,
      payload: {
        workerId: 'desktopw:host:shared',
        worker_id: 'desktopw:host:shared',
        seq: 3,
        eventType: 'worker.event',
        event_type: 'worker.event',
        payload: { n: 3 },
        occurredAt: '2026-02-20T00:00:00.123456Z',
        occurred_at: '2026-02-20T00:00:00.123456Z',
      },
      payload_hash: null,
      watermark: 17,
      hydration_required: false,
    },
  ],
  replay_complete: true,
  head_watermarks: [{ topic, watermark: 17 }],
};

export const stale = {
  code: 'stale_cursor',
  message: 'cursor is older than the retention floor',
  full_resync_required: true,
  reason_codes: ['retention_floor_breach'],
  stale_topics: [
    {
      topic,
      reason: 'retention_floor_breach',
      qos_tier: 'hot',
      resume_after: 1,
      retention_floor: 5,
      head_watermark: 17,
      replay_lag: 16,
      replay_budget_events: 3000,
    },
  ],
  snapshot_plan: { format: 'openagents.sync.snapshot.v1', topics: [] },
};

export const slow = {
  code: 'slow_consumer',
  message: 'queue is full',
  action: 'throttle',
  topic,
  queue_depth: 65,
  queue_limit: 64,
  reconnect_after_ms: 2000,
  full_resync_required: false,
};

export const reauth = { code: 'reauth_required', message: 'revoked', reauth_required: true, reason: 'session_revoked' };

export const compat = {
  code: 'upgrade_required',
  message: 'this build is too old',
  retryable: false,
  upgrade_required: true,
  surface: 'khala_websocket',
  min_client_build_id: '20260101T000000Z',
  max_client_build_id: null,
  min_schema_version: 1,
  max_schema_version: 1,
  protocol_version: 'khala.ws.v1',
};

const ok = (response: unknown) => ({ status: 'ok', response });
const refused = (response: unknown) => ({ status: 'error', response });

/** One valid frame of every kind. */
export const realFrames: readonly string[] = [
  frame('phx_reply', ok({ subscription_id: 'sub_1', allowed_topics: [topic], current_watermarks: [] }), { ref: '1' }),
  frame('phx_reply', ok({ subscription_id: 'sub_1', topics: [topic], current_watermarks: [{ topic, watermark: 9 }] }), {
    ref: '2',
  }),
  frame('phx_reply', ok({ subscription_id: 'sub_1', topics: [] }), { ref: '3' }),
  frame('phx_reply', ok({ subscription_id: 'sub_1', watermarks: [{ topic, watermark: 9 }] }), { ref: '4' }),
  frame('phx_reply', ok({}), { ref: '5' }),
  ...[
    stale,
    reauth,
    compat,
    { code: 'bad_topic' },
    { code: 'bad_subscription' },
    { code: 'forbidden_topic', forbidden_topics: ['x'] },
    { reason: 'unmatched topic' },
  ].map((error) => frame('phx_reply', refused(error), { ref: '6' })),
  frame('sync:update_batch', batch),
  twin('UPDATE_BATCH', batch, 17),
  frame('sync:heartbeat', { watermarks: [{ topic, watermark: 17 }] }),
  ...[stale, slow, reauth].flatMap((error) => [frame('sync:error', error), twin('ERROR', error)]),
  frame('phx_error', {}),
  frame('phx_close', {}),
  frame('presence_state', {}),
];
