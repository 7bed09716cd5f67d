import type { KhalaCompatibility } from './options.ts';

/** What a client says of itself, as texts of a URL, headers or claims. */
export interface ClientSays {
  readonly client_build_id?: string | undefined;
  readonly protocol_version?: string | undefined;
  readonly schema_version?: string | undefined;
}

/** Why a client is refused, in the order of the checks. */
type CompatibilityCode =
  | 'invalid_client_build'
  | 'unsupported_protocol_version'
  | 'unsupported_schema_version'
  | 'upgrade_required'
  | 'unsupported_client_build';

/** The refusal of a client, as the join reply and the 426 carry it. */
export interface CompatibilityFailure {
  readonly code: CompatibilityCode;
  readonly message: string;
  readonly retryable: false;
  readonly upgrade_required: true;
  readonly surface: string;
  readonly min_client_build_id: string;
  readonly max_client_build_id: string | null;
  readonly min_schema_version: number;
  readonly max_schema_version: number;
  readonly protocol_version: string;
}

/** Checks a client against the window; undefined when it is taken. Build ids compare as texts. */
export function compatibilityFailure(
  window: KhalaCompatibility,
  says: ClientSays,
  surface: string,
): CompatibilityFailure | undefined {
  const bounds = {
    min_client_build_id: window.min_client_build_id ?? '00000000T000000Z',
    max_client_build_id: window.max_client_build_id ?? null,
    min_schema_version: window.min_schema_version ?? 1,
    max_schema_version: window.max_schema_version ?? 1,
    protocol_version: window.protocol_version ?? 'khala.ws.v1',
  };
  const fail = (code: CompatibilityCode, message: string): CompatibilityFailure => ({
    code,
    message,
    retryable: false,
    upgrade_required: true,
    surface,
    ...bounds,
  });
  const build = says.client_build_id ?? '';
  if (!/^\d{8}T\d{6}Z$/.test(build)) return fail('invalid_client_build', 'client build id is missing or malformed');
  if (says.protocol_version !== bounds.protocol_version) {
    return fail('unsupported_protocol_version', `protocol version must be ${bounds.protocol_version}`);
  }
  const schema = /^\d+$/.test(says.schema_version ?? '') ? Number(says.schema_version) : Number.NaN;
  if (!(schema >= bounds.min_schema_version && schema <= bounds.max_schema_version)) {
    return fail('unsupported_schema_version', 'schema version is outside of the supported window');
  }
  if (build < bounds.min_client_build_id) return fail('upgrade_required', 'client build is older than supported');
  if (bounds.max_client_build_id !== null && build > bounds.max_client_build_id) {
    return fail('unsupported_client_build', 'client build is newer than supported');
  }
  return undefined;
}
