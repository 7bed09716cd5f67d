import { canonicalPayloadHash } from '@autopilot/sync-contract';
import { t } from 'spacetimedb/server';
import { requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkHashForm, checkId, checkSize, largestDetail, largestPayload } from './limits.ts';
import spacetimedb, { type Ctx } from './schema.ts';

/**
 * Notes an event that is to leave by another transport. A row that is sent or refused stays so: the same event again
 * changes nothing, for as long as the row is kept.
 */
export const enqueue_bridge_event = spacetimedb.reducer(
  { event_id: t.string(), transport: t.string(), payload: t.string(), payload_hash: t.string() },
  (ctx, { event_id, transport, payload, payload_hash }) => {
    requireScope(ctx, 'sync.bridge');
    checkId('event_id', event_id);
    checkId('transport', transport);
    checkHashForm(payload_hash);
    checkSize('payload', payload, largestPayload);
    if (canonicalPayloadHash(payload) !== payload_hash) {
      fail('payload_hash_mismatch', 'payload_hash is not the hash of the text of the payload.');
    }
    const existing = ctx.db.bridge_outbox.event_id.find(event_id);
    if (existing !== null) {
      if (existing.payload_hash !== payload_hash || existing.transport !== transport) {
        fail('idempotency_conflict', 'The event id names another payload or transport.');
      }
      return;
    }
    ctx.db.bridge_outbox.insert({
      event_id,
      transport,
      status: 'pending',
      payload,
      payload_hash,
      created_at: ctx.timestamp,
      sent_at: undefined,
      receipt: '',
    });
  },
);

/** Notes that an event has left. The first receipt stays, and so does a refusal. */
export const mark_bridge_event_sent = spacetimedb.reducer(
  { event_id: t.string(), receipt: t.string() },
  (ctx, { event_id, receipt }) => {
    requireScope(ctx, 'sync.bridge');
    checkSize('receipt', receipt, largestDetail);
    const row = requireBridgeEvent(ctx, event_id);
    if (row.status === 'sent') return;
    if (row.status === 'refused') fail('invalid_request', 'The bridge event was refused, so it cannot have been sent.');
    ctx.db.bridge_outbox.event_id.update({ ...row, status: 'sent', sent_at: ctx.timestamp, receipt });
    ctx.db.bridge_settled.insert({ event_id, settled_at: ctx.timestamp });
  },
);

/** Notes that an event will never leave, and why. The first reason stays; what is sent stays sent. */
export const refuse_bridge_event = spacetimedb.reducer(
  { event_id: t.string(), reason: t.string() },
  (ctx, { event_id, reason }) => {
    requireScope(ctx, 'sync.bridge');
    checkSize('reason', reason, largestDetail);
    const row = requireBridgeEvent(ctx, event_id);
    if (row.status !== 'pending') return;
    ctx.db.bridge_outbox.event_id.update({ ...row, status: 'refused', receipt: reason });
    ctx.db.bridge_settled.insert({ event_id, settled_at: ctx.timestamp });
  },
);

function requireBridgeEvent(ctx: Ctx, eventId: string) {
  return ctx.db.bridge_outbox.event_id.find(eventId) ?? fail('invalid_request', 'There is no bridge event of this id.');
}
