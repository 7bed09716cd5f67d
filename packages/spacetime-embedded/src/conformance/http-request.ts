import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';

/** One request to a server. */
export interface HttpQuestion {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** The answer, read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Sends a request with any method. Rejects when no answer comes within `timeoutMs`. */
export async function httpRequest(question: HttpQuestion, timeoutMs: number): Promise<HttpAnswer> {
  const response = await httpResponse(question, timeoutMs);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** As {@link httpRequest}, with the body still to be read. */
export function httpResponse(
  { method, url, headers = {}, body }: HttpQuestion,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const send = url.startsWith('https:') ? secureRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = send(url, { method, headers: { ...length, ...headers }, timeout: timeoutMs }, resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${url} in ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
