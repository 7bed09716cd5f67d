import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request with its body read and its answer open. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly url: URL;
  /** The segments of the path, decoded. */
  readonly path: readonly string[];
  /** The body as JSON; undefined when it is empty or no JSON. */
  readonly body: unknown;
}

/** Answers with JSON. */
export function answer(
  exchange: Exchange,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { response } = exchange;
  if (response.destroyed || response.writableEnded) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Answers with khala's error body. */
export function refuse(
  exchange: Exchange,
  status: number,
  code: string,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  answer(exchange, status, { message, error: { code, message, ...more } });
}

/** Reads a request to its end. */
export async function openExchange(request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = urlOf(request);
  return { request, response, method: request.method ?? 'GET', url, path: segments(url), body: parse(chunks) };
}

/** A whole number of the query; undefined when it is missing, NaN when it is none. */
export function queryNumber(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

/** The members of a JSON object; nothing for any other value. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The URL of a request, whatever its target is. */
export function urlOf(request: IncomingMessage): URL {
  return URL.parse(request.url ?? '/', 'http://khala') ?? new URL('http://khala/');
}

/** A segment of a path, decoded where it can be. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function segments(url: URL): string[] {
  return url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeSegment);
}

function parse(chunks: readonly Buffer[]): unknown {
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    return undefined;
  }
}
