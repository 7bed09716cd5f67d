import type { CompatibilityWindow } from '@autopilot/sync-contract';

/** The clients that this version of control serves. */
export const compatibilityWindow: CompatibilityWindow = {
  protocol_version: 'spacetime.sync.v1',
  min_client_build_id: '20260101T000000Z',
  min_schema_version: 1,
  max_schema_version: 1,
};
