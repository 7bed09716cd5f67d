import type { SyncErrorCode } from './errors.ts';

/** What a service accepts. Both ends of each range are included. */
export interface CompatibilityWindow {
  /** The protocol versions that are spoken, e.g. `spacetime.sync.v1`. */
  readonly protocol_version: string | readonly string[];
  readonly min_client_build_id: string;
  /** Undefined for no upper end. */
  readonly max_client_build_id?: string | undefined;
  readonly min_schema_version: number;
  readonly max_schema_version: number;
}

/** What a client says of itself. Fields may be missing: that is an answer too. */
export interface CompatibilityRequest {
  readonly client_build_id?: string | undefined;
  readonly protocol_version?: string | undefined;
  readonly schema_version?: number | undefined;
}

/** Why a client is refused. */
export type CompatibilityRefusal = Extract<
  SyncErrorCode,
  | 'invalid_client_build'
  | 'unsupported_protocol_version'
  | 'unsupported_schema_version'
  | 'upgrade_required'
  | 'unsupported_client_build'
>;

/** The outcome of a negotiation. */
export type CompatibilityOutcome =
  | { readonly outcome: 'accepted'; readonly protocol_version: string; readonly schema_version: number }
  | { readonly outcome: CompatibilityRefusal; readonly message: string };

const buildIdForm = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Whether a text is a build id: a time of the calendar as `YYYYMMDDTHHMMSSZ`. Ids of this form sort by time. */
export function isBuildId(text: string): boolean {
  const parts = buildIdForm.exec(text);
  if (parts === null) return false;
  const [, year, month, day, hour, minute, second] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = new Date(iso);
  // The way back refuses what Date repairs, such as 30 February.
  return !Number.isNaN(time.getTime()) && time.toISOString() === iso;
}

/**
 * Whether a client may speak to a service. The checks run in a fixed order and the first that fails is the outcome:
 * the form of the build id, the protocol, the schema, a build below the window, a build above it.
 */
export function negotiate(window: CompatibilityWindow, request: CompatibilityRequest): CompatibilityOutcome {
  const build = request.client_build_id;
  if (build === undefined || !isBuildId(build)) {
    return refuse('invalid_client_build', `The client build id ${quote(build)} is not of the form YYYYMMDDTHHMMSSZ.`);
  }
  const spoken = typeof window.protocol_version === 'string' ? [window.protocol_version] : window.protocol_version;
  const protocol = request.protocol_version;
  if (protocol === undefined || !spoken.includes(protocol)) {
    return refuse('unsupported_protocol_version', `Protocol ${quote(protocol)} is not one of ${spoken.join(', ')}.`);
  }
  const schema = request.schema_version;
  if (
    schema === undefined ||
    !Number.isSafeInteger(schema) ||
    // Written so that a NaN in the window refuses.
    !(schema >= window.min_schema_version && schema <= window.max_schema_version)
  ) {
    const range = `${window.min_schema_version}..${window.max_schema_version}`;
    return refuse('unsupported_schema_version', `Schema version ${schema} is not in ${range}.`);
  }
  if (build < window.min_client_build_id) {
    return refuse('upgrade_required', `Build ${build} is older than ${window.min_client_build_id}.`);
  }
  if (window.max_client_build_id !== undefined && build > window.max_client_build_id) {
    return refuse('unsupported_client_build', `Build ${build} is newer than ${window.max_client_build_id}.`);
  }
  return { outcome: 'accepted', protocol_version: protocol, schema_version: schema };
}

function refuse(outcome: CompatibilityRefusal, message: string): CompatibilityOutcome {
  return { outcome, message };
}

function quote(text: string | undefined): string {
  return text === undefined ? '(missing)' : `"${text}"`;
}
