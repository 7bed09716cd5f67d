import type { IncomingMessage } from 'node:http';

/** The answer to a request. */
export interface Reply {
  readonly status: number;
  readonly type?: 'application/json' | 'application/x-ndjson' | 'application/pem-certificate-chain' | 'text/plain';
  readonly body?: string | Uint8Array;
  /** Goes on after the body, until the client or the returned function ends it. */
  readonly follow?: (send: (more: string) => void, end: () => void) => () => void;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** A request that is answered as it stands. Thrown by what has no reply to return. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** JSON text as a reply. */
export function json(body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, type: 'application/json', body, headers };
}

/** Plain text as a reply. */
export function text(status: number, body: string): Reply {
  return { status, type: 'text/plain', body };
}

/** The largest body of a request other than a module, in bytes. */
const largestBody = 2 * 1024 * 1024;
/** The largest module bundle, in bytes. */
export const largestModule = 128 * 1024 * 1024;

/**
 * Reads a body to its end.
 *
 * @throws {Refusal} 413 when it is larger than `limit`.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new Refusal(413, `The body is larger than ${limit} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a text body. */
export async function readText(request: IncomingMessage, limit = largestBody): Promise<string> {
  const body = await readBody(request, limit);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Refusal(400, 'The body is not UTF-8.');
  }
}
