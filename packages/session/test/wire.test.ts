import { gzipSync } from 'node:zlib';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { frame, subscribeApplied } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BsatnReader } from '../src/wire/bsatn-reader.ts';
import {
  encodeCallProcedure,
  encodeCallReducer,
  encodeOneOffQuery,
  encodeSubscribe,
  encodeUnsubscribe,
} from '../src/wire/client-message.ts';
import { readFrame } from '../src/wire/frame.ts';
import { RowSlices } from '../src/wire/row-slices.ts';
import { readServerMessage } from '../src/wire/server-message.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const read = (text: string) => {
  const reader = new BsatnReader().begin(bytes(text));
  const message = readServerMessage(reader);
  expect(reader.remaining).toBe(0);
  return withArrays(message);
};

/** The same with an array in place of each list of rows. */
function withArrays(value: unknown): unknown {
  if (value instanceof RowSlices) return [...value];
  if (Array.isArray(value)) return value.map(withArrays);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withArrays(each)]));
}

describe('golden vectors of the official codec: client messages', () => {
  test.each([
    [
      'Subscribe',
      encodeSubscribe(1, 2, ['SELECT * FROM t']),
      '000100000002000000010000000f00000053454c454354202a2046524f4d2074',
    ],
    ['Unsubscribe', encodeUnsubscribe(3, 2, true), '01030000000200000001'],
    ['OneOffQuery', encodeOneOffQuery(4, 'SELECT * FROM t'), '02040000000f00000053454c454354202a2046524f4d2074'],
    [
      'CallReducer',
      encodeCallReducer(5, 'add', new Uint8Array([7, 0, 0, 0])),
      '030500000000030000006164640400000007000000',
    ],
    ['CallProcedure', encodeCallProcedure(6, 'p', new Uint8Array(0)), '040600000000010000007000000000'],
  ])('%s', (_name, encoded, golden) => {
    expect(hex(encoded)).toBe(golden);
  });
});

describe('golden vectors of the official codec: server messages', () => {
  test('InitialConnection', () => {
    expect(read(`0001${'00'.repeat(31)}02${'00'.repeat(15)}0100000054`)).toEqual({
      type: 'initial-connection',
      identity: '1'.padStart(64, '0'),
      connection_id: '2'.padStart(32, '0'),
      token: 'T',
    });
  });

  test('SubscribeApplied', () => {
    const golden = '010100000002000000010000000100000074000400080000000100000002000000';
    expect(read(golden)).toEqual({
      type: 'subscribe-applied',
      request_id: 1,
      query_set_id: 2,
      tables: [{ table: 't', rows: [bytes('01000000'), bytes('02000000')] }],
    });
  });

  test('UnsubscribeApplied', () => {
    expect(read('02030000000200000001')).toEqual({ type: 'unsubscribe-applied', request_id: 3, query_set_id: 2 });
  });

  test('SubscriptionError with and without a request', () => {
    const rest = { type: 'subscription-error', query_set_id: 2, error: 'x' };
    expect(read('0301020000000100000078')).toEqual({ ...rest, request_id: undefined });
    expect(read('030001000000020000000100000078')).toEqual({ ...rest, request_id: 1 });
  });

  test('TransactionUpdate', () => {
    const golden =
      '0401000000020000000200000001000000740100000000000400040000000300000001000000000000000001000000650100000001010200000000000000000000000500000000000000' +
      '09000000010000006100000000';
    expect(read(golden)).toEqual({
      type: 'transaction-update',
      update: [
        {
          query_set_id: 2,
          tables: [
            { table: 't', inserts: [bytes('03000000')], deletes: [], events: [] },
            { table: 'e', inserts: [], deletes: [], events: [bytes('0100000061'), bytes('00000000')] },
          ],
        },
      ],
    });
  });

  test('OneOffQueryResult', () => {
    expect(read('05040000000000000000')).toEqual({
      type: 'one-off-result',
      request_id: 4,
      tables: [],
      error: undefined,
    });
  });

  test('ReducerResult: ok, error, internal error', () => {
    const base = { type: 'reducer-result', request_id: 5 };
    expect(read('06050000000900000000000000000000000000000000')).toEqual({
      ...base,
      outcome: { type: 'ok', update: [] },
    });
    expect(read('060500000009000000000000000206000000020000006e6f')).toEqual({
      ...base,
      outcome: { type: 'error', error: bytes('020000006e6f') },
    });
    expect(read('060500000009000000000000000303000000626164')).toEqual({
      ...base,
      outcome: { type: 'internal-error', message: 'bad' },
    });
  });

  test('ProcedureResult', () => {
    expect(read('070001000000010900000000000000040000000000000006000000')).toEqual({
      type: 'procedure-result',
      request_id: 6,
      returned: bytes('01'),
      error: undefined,
    });
  });
});

describe('frames', () => {
  const one = bytes('02030000000200000001');
  const applied = subscribeApplied(1, 2, [{ table: 't', rows: [bytes('0102'), bytes('030405')] }]);

  test('v3 carries several messages, v2 one', () => {
    expect(readFrame(frame(one, applied), 'v3.bsatn.spacetimedb').map(({ type }) => type)).toEqual([
      'unsubscribe-applied',
      'subscribe-applied',
    ]);
    expect(readFrame(frame(one, applied), 'v2.bsatn.spacetimedb')).toHaveLength(1);
  });

  test('a compressed frame reads as the plain one', () => {
    const plain = frame(applied);
    const packed = new Uint8Array([2, ...gzipSync(plain.subarray(1))]);
    expect(readFrame(packed, 'v3.bsatn.spacetimedb')).toEqual(readFrame(plain, 'v3.bsatn.spacetimedb'));
  });

  test('every cut of a message is refused, even inside a larger buffer', () => {
    const whole = frame(applied);
    const padded = new Uint8Array(whole.length + 64);
    padded.set(whole);
    for (let end = 0; end < whole.length; end += 1) {
      expect(() => readFrame(padded.subarray(0, end), 'v3.bsatn.spacetimedb')).toThrow(RangeError);
    }
    expect(readFrame(padded.subarray(0, whole.length), 'v3.bsatn.spacetimedb')).toHaveLength(1);
  });

  test('arbitrary bytes are read or refused with a RangeError, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (body) => {
        try {
          readFrame(new Uint8Array([0, ...body]), 'v3.bsatn.spacetimedb');
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      propertyRuns(500),
    );
  });
});
