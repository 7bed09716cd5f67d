import type { ControlErrorCode } from '../errors.ts';

const statusByCode: Partial<Record<ControlErrorCode, number>> = {
  unauthorized: 401,
  token_expired: 401,
  token_not_yet_valid: 401,
  forbidden: 403,
  unknown_stream: 404,
  not_found: 404,
  idempotency_conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  invalid_client_build: 426,
  unsupported_protocol_version: 426,
  unsupported_schema_version: 426,
  upgrade_required: 426,
  unsupported_client_build: 426,
  rate_limited: 429,
  internal: 500,
  outbox_full: 503,
  store_unavailable: 503,
  database_unavailable: 503,
  unavailable: 503,
};

/** The HTTP status of a code; 400 for everything that is wrong with the request itself. */
export function statusOf(code: ControlErrorCode): number {
  return statusByCode[code] ?? 400;
}
