import { type CanonicalJson, canonicalJson, parseCanonicalJson } from './canonical-json.ts';
import { SyncError } from './errors.ts';
import type { JsonValue } from './json.ts';

/** One input of a computation, as NIP-90 has it. */
export interface ComputeInput {
  readonly data: string;
  readonly type: 'url' | 'event' | 'job' | 'text';
}

/** What is to be computed. */
export interface ComputeRequest {
  /** A kind of NIP-90: 5000 to 5999. */
  readonly kind: number;
  readonly inputs: readonly ComputeInput[];
  readonly params: readonly (readonly [name: string, value: string])[];
  /** MIME type of the result. */
  readonly output?: string;
  /** Who asked: a Nostr key of 64 lowercase hex digits. */
  readonly customer?: string;
  /** The identity of SpacetimeDB that the customer's key is bound to, in hex; missing where it is bound to none. */
  readonly identity?: string;
}

/**
 * The detail of an assignment. While it is not at its end it holds the request, so that a provider who lost everything
 * else can go on; at its end it holds what came of it.
 */
export type ComputeDetail =
  | {
      readonly request: ComputeRequest;
      /** The last part of the result that there is, numbered from 1. */
      readonly progress?: { readonly part: number; readonly text: string };
    }
  | { readonly result: string }
  /** `retry`: another provider may do better. */
  | { readonly error: string; readonly retry: boolean };

const version = 1;
const inputTypes: readonly string[] = ['url', 'event', 'job', 'text'];

/** The capability of a provider who computes requests of a kind. */
export function computeCapability(kind: number): string {
  return `nip90:${kind}`;
}

/** The kind of a capability; undefined for one that is something else. */
export function kindOfCapability(capability: string): number | undefined {
  const [, digits] = /^nip90:(5\d{3})$/.exec(capability) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** The text of a detail. @throws {SyncError} `unrepresentable` */
export function writeComputeDetail(detail: ComputeDetail): CanonicalJson {
  return canonicalJson({ v: version, ...detail });
}

/** Reads a detail. @throws {SyncError} `not_canonical`, or `invalid_request` naming what is not as it has to be. */
export function readComputeDetail(text: string): ComputeDetail {
  const value = objectOf(parseCanonicalJson(text), 'detail');
  if (value.v !== version) throw refuse(`is of version ${String(value.v)}, not ${version}`);
  if (value.result !== undefined) return { result: textOf(value.result, 'result') };
  if (value.error !== undefined) return { error: textOf(value.error, 'error'), retry: value.retry === true };
  const request = readRequest(objectOf(value.request, 'request'));
  if (value.progress === undefined) return { request };
  const { part, text: said } = objectOf(value.progress, 'progress');
  return { request, progress: { part: wholeOf(part, 'progress.part'), text: textOf(said, 'progress.text') } };
}

function readRequest(value: Readonly<Record<string, JsonValue>>): ComputeRequest {
  const kind = wholeOf(value.kind, 'request.kind');
  if (kindOfCapability(computeCapability(kind)) === undefined) throw refuse(`has the kind ${kind}`);
  const { output, customer, identity } = value;
  return {
    kind,
    inputs: listOf(value.inputs, 'request.inputs').map((input) => {
      const { data, type } = objectOf(input, 'request.inputs');
      if (typeof type !== 'string' || !inputTypes.includes(type)) throw refuse(`has an input of type ${String(type)}`);
      return { data: textOf(data, 'request.inputs.data'), type: type as ComputeInput['type'] };
    }),
    params: listOf(value.params, 'request.params').map((param) => {
      const [name, given] = listOf(param, 'request.params');
      return [textOf(name, 'request.params'), textOf(given, 'request.params')] as const;
    }),
    ...(output === undefined ? {} : { output: textOf(output, 'request.output') }),
    ...(customer === undefined ? {} : { customer: textOf(customer, 'request.customer') }),
    ...(identity === undefined ? {} : { identity: textOf(identity, 'request.identity') }),
  };
}

function objectOf(value: JsonValue | undefined, name: string): Readonly<Record<string, JsonValue>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, JsonValue>>;
  }
  throw refuse(`has no object as ${name}`);
}

function listOf(value: JsonValue | undefined, name: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  throw refuse(`has no list as ${name}`);
}

function textOf(value: JsonValue | undefined, name: string): string {
  if (typeof value === 'string') return value;
  throw refuse(`has no text as ${name}`);
}

function wholeOf(value: JsonValue | undefined, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw refuse(`has no whole number from 1 as ${name}`);
}

function refuse(what: string): SyncError {
  return new SyncError('invalid_request', `The detail of the assignment ${what}.`);
}
