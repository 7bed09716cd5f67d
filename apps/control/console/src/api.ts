import type { Refusal } from './api-types.ts';

/** What became of a request. `lost`: control did not answer, and whether it did something is not known. */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly body: T }
  | { readonly kind: 'refused'; readonly status: number; readonly refusal: Refusal }
  | { readonly kind: 'lost' };

export type Method = 'GET' | 'POST' | 'DELETE';

const patience = 15_000;

/** One request to control, with the cookie of the session and the header that only this page sends. */
export async function call<T>(method: Method, path: string, body?: object): Promise<Outcome<T>> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, {
      method,
      headers: {
        'x-autopilot-console': '1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patience),
    });
    text = await answer.text();
  } catch {
    return { kind: 'lost' };
  }
  if (answer.ok && !answer.headers.get('content-type')?.startsWith('application/json')) {
    return { kind: 'done', body: text as T };
  }
  try {
    const value: unknown = JSON.parse(text);
    if (answer.ok) return { kind: 'done', body: value as T };
    return { kind: 'refused', status: answer.status, refusal: value as Refusal };
  } catch {
    // Something between the page and control answered in its place.
    return { kind: 'lost' };
  }
}

/** What to do about a refusal. A scope is missing in the clients file, whatever the code means elsewhere. */
export function nextOf({ next, details }: Refusal): string {
  const scope = details?.scope;
  return typeof scope === 'string' ? `Sign in with a client that has ${scope}, or add it in the clients file.` : next;
}

/** A fresh idempotency key. */
export function freshKey(): string {
  // randomUUID is there only on secure origins; control may be used by http in a closed network.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
