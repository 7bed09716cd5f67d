import type { PayloadHash } from '@autopilot/sync-contract';
import { anyText } from '@autopilot/testing/any-text';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Identity, Timestamp } from 'spacetimedb';
import { encode } from '../src/module/codec.ts';
import { decodeLiveRow, eventRowCodecs } from '../src/module/event-rows.ts';
import { decodePage, pageCodecs, pageStatuses } from '../src/module/pages.ts';
import { decodePublicRow, publicRowCodecs } from '../src/module/public-rows.ts';
import { fanouts } from '../src/module/reducers.ts';
import { BsatnReader } from '../src/wire/bsatn-reader.ts';
import { TextCache } from '../src/wire/text-cache.ts';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const micros = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
// Well-formed ones of every width in UTF-8; names of few letters, so that the cache meets them again and mixes none up.
const text = anyText();
const name = fc.oneof(fc.stringMatching(/^[ab]{0,4}$/), text, fc.stringMatching(/^[ab]{62,66}$/));

const liveRow = fc.record({
  recipient: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  stream_id: name,
  epoch: name,
  seq: u64,
  kind: name,
  payload: text,
  inline: fc.boolean(),
  payload_hash: text,
  idempotency_key: text,
  committed_at: micros,
  chain: text,
});

const pageRow = fc.record({
  seq: u64,
  kind: name,
  payload: text,
  payload_hash: text,
  idempotency_key: text,
  committed_at: micros,
});

const page = fc.record({
  status: fc.constantFrom(...pageStatuses),
  epoch: name,
  head: u64,
  head_chain: text,
  first_kept: u64,
  floor_chain: text,
  fanout: fc.constantFrom(...fanouts),
  route: text,
  rows: fc.array(pageRow, { maxLength: 5 }),
  more: fc.boolean(),
});

type LiveRowValue = typeof liveRow extends fc.Arbitrary<infer Value> ? Value : never;

const bytesOfLive = ({ recipient, committed_at, ...row }: LiveRowValue) =>
  encode(eventRowCodecs.liveInbox, {
    ...row,
    recipient: new Identity(recipient),
    committed_at: new Timestamp(committed_at),
  });

/** In the middle of other bytes, as a row lies in a frame. */
function among(bytes: Uint8Array): Uint8Array {
  const memory = new Uint8Array(bytes.length + 16).fill(0xff);
  memory.set(bytes, 7);
  return memory.subarray(7, 7 + bytes.length);
}

describe('decoders of rows', () => {
  test('a live row is what was encoded, whatever was read before', () => {
    const reader = new BsatnReader();
    fc.assert(
      fc.property(liveRow, (row) => {
        const { recipient, chain, inline, ...event } = row;
        expect(decodeLiveRow(reader.begin(among(bytesOfLive(row))))).toEqual({ inline, event });
      }),
    );
  });

  test('a row of a public stream is what was encoded, whatever was read before', () => {
    const reader = new BsatnReader();
    fc.assert(
      fc.property(liveRow, text, (row, segment_key) => {
        const { recipient, chain, inline, ...event } = row;
        const committed_at = new Timestamp(row.committed_at);
        const bytes = encode(publicRowCodecs.publicEvent, { ...row, segment_key, committed_at });
        expect(decodePublicRow(reader.begin(among(bytes)))).toEqual({ inline, event });
      }),
    );
  });

  test('a page is what was encoded, whatever was read before', () => {
    const reader = new BsatnReader();
    fc.assert(
      fc.property(page, (value) => {
        const { rows, ...rest } = value;
        const timed = rows.map((row) => ({ ...row, committed_at: new Timestamp(row.committed_at) }));
        const bytes = encode(pageCodecs.streamPage, { ...rest, rows: timed });
        const events = rows.map((row) => ({
          ...row,
          stream_id: 's',
          epoch: rest.epoch,
          payload_hash: row.payload_hash as PayloadHash,
        }));
        expect(decodePage(reader, 's', among(bytes))).toEqual({ ...rest, events });
      }),
    );
  });

  test('a row that ends early or goes on is refused, wherever it is cut', () => {
    const reader = new BsatnReader();
    const [row] = fc.sample(liveRow, { numRuns: 1, seed: 1 });
    if (row === undefined) throw new Error('no row');
    const bytes = among(bytesOfLive(row));
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => decodeLiveRow(reader.begin(bytes.subarray(0, end)))).toThrow(RangeError);
    }
    expect(() => decodeLiveRow(reader.begin(new Uint8Array([...bytes, 0])))).toThrow(RangeError);
  });

  test('a page that announces more rows than it can hold is refused', () => {
    const rest = { epoch: 'e', head: 0n, head_chain: '', first_kept: 1n, floor_chain: '', fanout: 'inbox', route: '' };
    const bytes = encode(pageCodecs.streamPage, { ...rest, status: 'ok', rows: [], more: false });
    // The count stands before the last byte.
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(bytes.length - 5, 2 ** 31, true);
    expect(() => decodePage(new BsatnReader(), 's', bytes)).toThrow(RangeError);
  });

  test('a byte order mark at the beginning of a text is kept: it was hashed', () => {
    const bytes = encode(pageCodecs.pageArgs, { stream_id: '\ufeffs', epoch: '\ufeff', after: 0n, limit: 1 });
    const reader = new BsatnReader().begin(bytes);
    expect([reader.readString(), reader.readName()]).toEqual(['\ufeffs', '\ufeff']);
  });
});

describe('BsatnReader', () => {
  test('a large frame is let go of, and what is read next is read as ever', () => {
    const reader = new BsatnReader();
    const large = new Uint8Array(1024 * 1024).fill(1);
    expect(reader.begin(large).readU32()).toBe(0x01010101);
    reader.release();
    expect(reader.remaining).toBe(0);
    expect(() => reader.readU8()).toThrow(RangeError);
    expect(reader.begin(new Uint8Array([7, 8]), 1).readU8()).toBe(8);
  });
});

describe('TextCache', () => {
  test('a text is the one of its bytes, and one that comes again is the same string without being decoded', () => {
    const cache = new TextCache();
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 40 }), (texts) => {
        for (const each of texts) {
          const bytes = Buffer.from(`..${each}.`);
          expect(cache.read(bytes, 2, bytes.length - 1)).toBe(each);
        }
      }),
    );
  });
});
