import { createHash } from 'node:crypto';
import { type EventTemplate, eventId, type NostrEvent } from '@autopilot/nostr-bridge';
import { normalizeZ } from '@noble/curves/abstract/curve.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';

const { Point } = secp256k1;
type Point = InstanceType<typeof Point>;
const order = Point.Fn.ORDER;
/** Points that are made at a time: they share one division. */
const block = 500;
const tag = createHash('sha256').update('BIP0340/challenge').digest();

/**
 * Signs events of one author ten times as fast as WebAssembly does: the nonces are neighbours, so that the point of the
 * next one is an addition away. Whoever sees two of its signatures can compute the key: for benchmarks only.
 */
export function fastSigner(author: string): (template: EventTemplate) => NostrEvent {
  const secret = numberOf(`key of ${author}`);
  const own = Point.BASE.multiply(secret).toAffine();
  const key = own.y % 2n === 0n ? secret : order - secret;
  const pubkey = bytesOf(own.x);
  let nonce = numberOf(`nonces of ${author}`);
  let next = Point.BASE.multiply(nonce);
  let points: Point[] = [];
  return ({ created_at, kind, tags, content }) => {
    if (points.length === 0) {
      for (let left = block; left > 0; left -= 1) {
        points.push(next);
        next = next.add(Point.BASE);
      }
      points = normalizeZ(Point, points).reverse();
    }
    const { x, y } = (points.pop() as Point).toAffine();
    const template = { created_at, kind, tags, content, pubkey: pubkey.toString('hex') };
    const id = eventId(template);
    const message = Buffer.from(id, 'hex');
    const commitment = bytesOf(x);
    const hash = createHash('sha256').update(tag).update(tag).update(commitment).update(pubkey).update(message);
    const challenge = BigInt(`0x${hash.digest('hex')}`) % order;
    const scalar = ((y % 2n === 0n ? nonce : order - nonce) + challenge * key) % order;
    nonce = (nonce + 1n) % order;
    return { ...template, id, sig: commitment.toString('hex') + bytesOf(scalar).toString('hex') };
  };
}

/** Signed events that all differ, as JSON: whoever reads one gets an object that nobody has marked as verified. */
export function signedEvents(
  count: number,
  { content, from }: { readonly content: number; readonly from: number },
): string[] {
  const sign = fastSigner('bench');
  return Array.from({ length: count }, (_, n) => {
    const text = `${n} `.padEnd(content, 'x');
    return JSON.stringify(sign({ kind: 1, created_at: from, tags: [['t', 'bench']], content: text }));
  });
}

function numberOf(name: string): bigint {
  return BigInt(`0x${createHash('sha256').update(name).digest('hex')}`) % order;
}

function bytesOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}
