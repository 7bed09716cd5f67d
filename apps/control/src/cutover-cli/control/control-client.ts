import { CliError, ControlRefusal } from '../errors.ts';
import { endingOf } from '../exit-codes.ts';

/** Where control is and who asks. */
export interface ControlAccess {
  /** Without a slash at its end. */
  readonly url: string;
  readonly clientId: string;
  readonly secret: string;
}

/** Answers that take longer are given up, milliseconds. */
const patience = 30_000;

/** Asks control under /v1/cutover. */
export interface ControlClient {
  /** @throws {CliError} `control_unreachable`, `not_control`. @throws {ControlRefusal} what control refuses. */
  get<T>(path: string): Promise<T>;
  /** The same; nobody knows whether a command that got no answer was carried out. */
  send<T>(method: 'POST' | 'DELETE', path: string, body: unknown): Promise<T>;
}

/** A client over HTTP. */
export function createControlClient({ url, clientId, secret }: ControlAccess, http: typeof fetch): ControlClient {
  const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;

  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { authorization, accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    let text: string;
    try {
      response = await http(`${url}/v1/cutover/${path}`, {
        method,
        headers,
        // Credentials go to the given host and to no other.
        redirect: 'manual',
        signal: AbortSignal.timeout(patience),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (cause) {
      throw new CliError('control_unreachable', `Control at ${url} does not answer (${reasonOf(cause)}).`, { cause });
    }
    return read<T>(response, text);
  }

  function read<T>({ status, ok }: Response, text: string): T {
    const value = parse(text);
    if (ok && value !== undefined) return value as T;
    const { code, message, next, details } = (value ?? {}) as Record<string, unknown>;
    if (!ok && typeof code === 'string' && typeof message === 'string' && typeof next === 'string') {
      const body =
        typeof details === 'object' && details !== null ? { code, message, next, details } : { code, message, next };
      throw new ControlRefusal(body, endingOf(code, status));
    }
    throw new CliError('not_control', `${url} answered ${status}, and not as control does.`);
  }

  return {
    get: (path) => ask('GET', path),
    send: (method, path, body) => ask(method, path, body),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The innermost reason, e.g. ECONNREFUSED. */
function reasonOf(error: unknown): string {
  const { cause, code, name, message } = error as { cause?: unknown; code?: unknown; name?: string; message?: string };
  if (name === 'TimeoutError') return `nothing for ${patience / 1_000} s`;
  if (cause !== undefined && cause !== null) return reasonOf(cause);
  return typeof code === 'string' ? code : (message ?? 'no reason');
}
