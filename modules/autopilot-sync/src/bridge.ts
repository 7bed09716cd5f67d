import { canonicalPayloadHash } from '@autopilot/sync-contract';
import { t } from 'spacetimedb/server';
import { requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkHashForm, checkId, checkSize, largestDetail, largestPayload } from './limits.ts';
import spacetimedb from './schema.ts';

/** Notes an event that is to leave by another transport. A row that is sent stays sent. */
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

/** Notes that an event has left. The first receipt stays. */
export const mark_bridge_event_sent = spacetimedb.reducer(
  { event_id: t.string(), receipt: t.string() },
  (ctx, { event_id, receipt }) => {
    requireScope(ctx, 'sync.bridge');
    checkSize('receipt', receipt, largestDetail);
    const row = ctx.db.bridge_outbox.event_id.find(event_id);
    if (row === null) return fail('invalid_request', 'There is no bridge event of this id.');
    if (row.status === 'sent') return;
    ctx.db.bridge_outbox.event_id.update({ ...row, status: 'sent', sent_at: ctx.timestamp, receipt });
  },
);
