import { decodeWireError, type HttpClient, type HttpResponse } from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import { httpBaseOf } from './database-uri.ts';

/** A database and the right to administer it. */
export interface DatabaseAdminOptions {
  readonly http: HttpClient;
  readonly uri: string;
  readonly database: string;
  /** A fresh token of the owner. */
  readonly ownerToken: () => Promise<string>;
}

/**
 * What the owner does over HTTP before anybody connects. Both reject with {ControlError} `database_unavailable` when
 * trying again may help, and `publish_refused` or `database_refused` when it cannot.
 */
export interface DatabaseAdmin {
  /** Puts the module bundle there: makes the database, or updates it. */
  publish(bundle: Uint8Array): Promise<void>;
  /** Tells the module whose tokens to accept. */
  configure(issuer: string, audience: string): Promise<void>;
}

/** Administration of one database. */
export function createDatabaseAdmin({ http, uri, database, ownerToken }: DatabaseAdminOptions): DatabaseAdmin {
  const base = `${httpBaseOf(uri)}/v1/database/${encodeURIComponent(database)}`;

  async function send(method: 'PUT' | 'POST', url: string, type: string, body: string | Uint8Array) {
    const headers = { authorization: `Bearer ${await ownerToken()}`, 'content-type': type };
    let response: HttpResponse;
    try {
      response = await http({ method, url, headers, body });
    } catch (cause) {
      throw new ControlError('database_unavailable', `Nothing answers at ${uri}.`, { cause });
    }
    const said = response.body.slice(0, 500).trim();
    // A bare 401 as well: the host may not have fetched our keys yet. With PermissionDenied it knows us, and says no.
    const unknownToHost = response.status === 401 && !isPermissionDenied(said);
    if (unknownToHost || (response.status >= 500 && response.status !== 530)) {
      throw new ControlError('database_unavailable', `${uri} answers ${response.status}: ${said}`);
    }
    return { status: response.status, said };
  }

  return {
    async publish(bundle) {
      const { status, said } = await send('PUT', `${base}?host_type=Js`, 'application/octet-stream', bundle);
      if (status < 300) return;
      throw new ControlError('publish_refused', `${uri} refuses the module for ${database} (${status}): ${said}`);
    },
    async configure(issuer, audience) {
      const args = JSON.stringify([issuer, audience]);
      const { status, said } = await send('POST', `${base}/call/configure`, 'application/json', args);
      if (status < 300) return;
      if (status === 404) {
        throw new ControlError(
          'database_unavailable',
          `${uri} has no database ${database} with the module in it: ${said}`,
        );
      }
      const { code, message } = status === 530 ? decodeWireError(said) : { code: String(status), message: said };
      throw new ControlError('database_refused', `The database ${database} refuses control (${code}): ${message}`);
    },
  };
}

/** The body of a 401 from a host that has verified the token: `{"PermissionDenied":{"name":...}}`. */
function isPermissionDenied(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && 'PermissionDenied' in value;
  } catch {
    return false;
  }
}
