import { BinaryReader, BinaryWriter } from 'spacetimedb';

/** The methods of HTTP that have a tag of their own, by tag; another one is the tag behind them with its name. */
export const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;

/** HTTP/1.1 among the versions. */
const version11 = 2;

/** One header; names in lower case. */
export type HttpHeader = readonly [name: string, value: string];

/** A request, as a module sees it or sends it. The body travels beside it. */
export interface ModuleHttpRequest {
  readonly method: string;
  readonly headers: readonly HttpHeader[];
  readonly uri: string;
  /** Microseconds; undefined leaves it to the host. */
  readonly timeout?: bigint | undefined;
}

/** The answer to one. */
export interface ModuleHttpResponse {
  readonly code: number;
  readonly headers: readonly HttpHeader[];
}

/**
 * Answers what procedures and handlers of a module ask elsewhere. It is synchronous, because the module is: what it does
 * holds the host up. What it throws is HttpError for the module.
 */
export type ModuleHttpClient = (
  request: ModuleHttpRequest,
  body: Uint8Array,
) => { readonly response: ModuleHttpResponse; readonly body: Uint8Array | string };

export function writeHttpRequest({ method, headers, uri }: ModuleHttpRequest): Uint8Array {
  const writer = new BinaryWriter(256);
  const tag = httpMethods.indexOf(method as (typeof httpMethods)[number]);
  writer.writeU8(tag === -1 ? httpMethods.length : tag);
  if (tag === -1) writer.writeString(method);
  writeHeaders(writer, headers);
  // No timeout.
  writer.writeU8(1);
  writer.writeString(uri);
  writer.writeU8(version11);
  return writer.getBuffer();
}

/** @throws {RangeError} when the bytes are no request. */
export function readHttpRequest(bytes: Uint8Array): ModuleHttpRequest {
  const reader = new BinaryReader(bytes);
  const tag = reader.readU8();
  const method = httpMethods[tag] ?? reader.readString();
  const headers = readHeaders(reader);
  const timeout = reader.readU8() === 0 ? reader.readI64() : undefined;
  return { method, headers, timeout, uri: reader.readString() };
}

export function writeHttpResponse({ code, headers }: ModuleHttpResponse): Uint8Array {
  const writer = new BinaryWriter(256);
  writeHeaders(writer, headers);
  writer.writeU8(version11);
  writer.writeU16(code);
  return writer.getBuffer();
}

/** @throws {RangeError} when the bytes are no response. */
export function readHttpResponse(bytes: Uint8Array): ModuleHttpResponse {
  const reader = new BinaryReader(bytes);
  const headers = readHeaders(reader);
  reader.readU8();
  return { headers, code: reader.readU16() };
}

function writeHeaders(writer: BinaryWriter, headers: readonly HttpHeader[]): void {
  writer.writeU32(headers.length);
  for (const [name, value] of headers) {
    writer.writeString(name);
    writer.writeUInt8Array(Buffer.from(value, 'latin1'));
  }
}

function readHeaders(reader: BinaryReader): HttpHeader[] {
  const headers: HttpHeader[] = [];
  for (let left = reader.readU32(); left > 0; left -= 1) {
    headers.push([reader.readString(), Buffer.from(reader.readUInt8Array()).toString('latin1')]);
  }
  return headers;
}
