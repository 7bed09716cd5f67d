import { type HttpClient, type HttpResponse, type Ports, SyncError } from '@autopilot/sync-contract';

/** How to reach control as this desktop. */
export interface ControlAccess {
  readonly http: HttpClient;
  readonly ports: Ports;
  /** Base URL of control. */
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What is special about one request. */
export interface AskOptions {
  /** Milliseconds that control may take beyond the usual time, because it was asked to wait. */
  readonly waitMs?: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Sends one request as this client; rejects with `unavailable` when no answer came in time. */
export type AskControl = (
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  options?: AskOptions,
) => Promise<{ readonly status: number; readonly json: unknown }>;

const timeoutMs = 8000;

/** Requests of the cutover API, each with a bound on its time. */
export function createAskControl({ http, ports, control, clientId, clientSecret }: ControlAccess): AskControl {
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  return async (method, path, body, { waitMs = 0, signal } = {}) => {
    const patience = timeoutMs + waitMs;
    const ending = new AbortController();
    const url = new URL(path, control).href;
    const headers = {
      authorization: `Basic ${basic}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const request = {
      method,
      url,
      headers,
      signal: AbortSignal.any([ending.signal, ...(signal === undefined ? [] : [signal])]),
    };
    let cancel = () => {};
    const tooLate = new Promise<never>((_resolve, reject) => {
      cancel = ports.scheduler.after(patience, () => {
        ending.abort();
        reject(new SyncError('unavailable', `Control did not answer within ${patience / 1000} s.`));
      });
    });
    try {
      const asked = http(body === undefined ? request : { ...request, body: JSON.stringify(body) });
      const response = await Promise.race([asked, tooLate]);
      return { status: response.status, json: parse(response) };
    } catch (cause) {
      if (cause instanceof SyncError) throw cause;
      throw new SyncError('unavailable', 'Control does not answer.', { cause });
    } finally {
      cancel();
    }
  };
}

function parse({ body }: HttpResponse): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
