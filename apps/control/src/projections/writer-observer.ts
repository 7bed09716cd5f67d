import { isCodedError } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import type { Metrics } from '../metrics/registry.ts';
import { eventFaults } from '../spacetime/event-sink.ts';
import type { Audit } from '../store/audit.ts';
import type { WriterObserver } from './writer.ts';

/** Turns what the writer tells into metrics, audit records and log lines. Payloads go into none of them. */
export function createWriterObserver(metrics: Metrics, audit: Audit, log: Logger): WriterObserver {
  return {
    appended(code, milliseconds) {
      metrics.count('cutover_append_total', { outcome: outcomeOf(code) });
      if (code === 'appended' || code === 'duplicate') {
        metrics.observe('cutover_append_duration_seconds', milliseconds / 1_000);
      }
    },
    parked(event, code, message) {
      const { position: id, stream_id, idempotency_key } = event;
      log.error({ id, stream_id, idempotency_key, code, reason: message }, 'stream parked: its next event is refused');
      audit({ event: 'dead.parked', reason: code, details: { id, stream_id, idempotency_key, message } }).catch(
        (error: unknown) => log.error({ err: error }, 'audit failed'),
      );
    },
    failed(streamId, error) {
      const code = isCodedError(error) ? error.code : 'internal';
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ stream_id: streamId, code, reason }, 'append will be tried again');
    },
  };
}

function outcomeOf(code: string) {
  if (code === 'appended' || code === 'duplicate' || code === 'sequence_conflict') return code;
  return eventFaults.has(code) ? 'refused' : 'retry';
}
