import { CutoverError } from '../errors.ts';
import { type SigningKey, signBytes } from './keys.ts';

/** One signature of an envelope. `sig` is base64 over the pre-authentication encoding of payload type and payload. */
export interface DsseSignature {
  readonly keyid: string;
  readonly sig: string;
}

/** A DSSE envelope, as JSON carries it. `payload` is base64. */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly DsseSignature[];
}

const encoder = new TextEncoder();

/** Pre-authentication encoding: what is signed. https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

/** Signs a payload with each of the keys. Throws `invalid_key`. */
export function signEnvelope(payloadType: string, payload: Uint8Array, keys: readonly SigningKey[]): DsseEnvelope {
  if (keys.length === 0) throw new CutoverError('invalid_key', 'An envelope needs at least one key to sign it.');
  const bytes = preAuthEncoding(payloadType, payload);
  return {
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: keys.map((key) => ({ keyid: key.keyid, sig: Buffer.from(signBytes(key, bytes)).toString('base64') })),
  };
}

// Far above what a receipt takes: what is larger is refused before anything is computed over it.
const largestPayload = 1_048_576;
const mostSignatures = 16;

/** The envelope that a value holds, with its bytes. Throws `receipt_malformed`. */
export function readEnvelope(value: unknown): { readonly envelope: DsseEnvelope; readonly payload: Uint8Array } {
  const candidate = isRecord(value) ? value : {};
  const { payloadType, payload, signatures } = candidate;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) {
    throw malformed('it lacks payloadType, payload or signatures');
  }
  if (payload.length > largestPayload) throw malformed(`its payload is longer than ${largestPayload} characters`);
  if (signatures.length === 0) throw malformed('nobody signed it');
  if (signatures.length > mostSignatures) throw malformed(`it has more than ${mostSignatures} signatures`);
  const read = signatures.map((item: unknown) => {
    if (!isRecord(item) || typeof item.keyid !== 'string' || typeof item.sig !== 'string') {
      throw malformed('a signature lacks keyid or sig');
    }
    return { keyid: item.keyid, sig: item.sig };
  });
  return { envelope: { payloadType, payload, signatures: read }, payload: fromBase64(payload, 'its payload') };
}

/** Bytes of base64 text; other characters are refused, not skipped. Throws `receipt_malformed`. */
export function fromBase64(text: string, what: string): Uint8Array {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw malformed(`${what} is not base64`);
  }
  return Buffer.from(text, 'base64');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function malformed(why: string): CutoverError {
  return new CutoverError('receipt_malformed', `This is no DSSE envelope: ${why}.`);
}
