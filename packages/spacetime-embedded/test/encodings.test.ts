import type { Duplex } from 'node:stream';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { anyText } from '@autopilot/testing/any-text';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlgebraicType, type ProductType } from 'spacetimedb';
import type { WebSocket } from 'ws';
import { parseExactJson, readArguments } from '../src/sats/json-read.ts';
import { satsJson } from '../src/sats/json-write.ts';
import { bsatn } from '../src/sql/scalar.ts';
import { MalformedMessage, written } from '../src/wire/bsatn.ts';
import { clientMessages } from '../src/wire/client-message.ts';
import { concatenated, ServerPayload, serverPayload, share } from '../src/wire/frame.ts';
import { chooseProtocol } from '../src/wire/protocol.ts';
import { encodeEventRows, encodePersistentRows, serverMessage } from '../src/wire/server-message.ts';
import { FrameSender } from '../src/ws/frame-sender.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
const u32 = (value: number) => written((writer) => writer.writeU32(value));
const v2 = 'v2.bsatn.spacetimedb';
const v3 = 'v3.bsatn.spacetimedb';

const subscribe = '000100000002000000010000000f00000053454c454354202a2046524f4d2074';
const callReducer = '030500000000030000006164640400000007000000';

describe('client messages of the golden vectors', () => {
  test.each([
    ['Subscribe', subscribe, { type: 'Subscribe', requestId: 1, querySetId: 2, queries: ['SELECT * FROM t'] }],
    [
      'Unsubscribe',
      '01030000000200000001',
      { type: 'Unsubscribe', requestId: 3, querySetId: 2, sendDroppedRows: true },
    ],
    [
      'OneOffQuery',
      '02040000000f00000053454c454354202a2046524f4d2074',
      { type: 'OneOffQuery', requestId: 4, query: 'SELECT * FROM t' },
    ],
    ['CallReducer', callReducer, { type: 'CallReducer', requestId: 5, name: 'add', args: bytes('07000000') }],
    [
      'CallProcedure',
      '040600000000010000007000000000',
      { type: 'CallProcedure', requestId: 6, name: 'p', args: bytes('') },
    ],
  ])('%s', (_name, vector, message) => {
    expect([...clientMessages(v2, bytes(vector))]).toEqual([message]);
    expect([...clientMessages(v3, bytes(vector))]).toEqual([message]);
  });

  test('v3 holds several, v2 takes the first and ignores the rest', () => {
    const two = bytes(subscribe + callReducer);
    expect([...clientMessages(v3, two)].map((message) => message.type)).toEqual(['Subscribe', 'CallReducer']);
    expect([...clientMessages(v2, two)].map((message) => message.type)).toEqual(['Subscribe']);
  });

  test('messages before a malformed one are handed out first', () => {
    const seen: string[] = [];
    expect(() => {
      for (const message of clientMessages(v3, bytes(`${subscribe}ff`))) seen.push(message.type);
    }).toThrow(MalformedMessage);
    expect(seen).toEqual(['Subscribe']);
  });

  test.each([
    ['an empty payload', ''],
    ['an unknown tag', '05'],
    ['a cut message', subscribe.slice(0, 40)],
    ['an announced length beyond the end', '0204000000ffffffff41'],
    ['text that is not UTF-8', '020400000001000000ff'],
    ['an unknown flag', '01030000000200000002'],
    ['call flags other than 0', '0305000000010300000061646400000000'],
  ])('refuses %s', (_name, vector) => {
    expect(() => [...clientMessages(v3, bytes(vector))]).toThrow(MalformedMessage);
  });
});

describe('server messages of the golden vectors', () => {
  const e = encodeEventRows([bytes('0100000061'), bytes('00000000')]);
  test.each([
    [
      'InitialConnection',
      serverMessage.initialConnection(1n, 2n, 'T'),
      `0001${'00'.repeat(31)}02${'00'.repeat(15)}0100000054`,
    ],
    [
      'SubscribeApplied',
      serverMessage.subscribeApplied(1, 2, [{ table: 't', rows: [u32(1), u32(2)] }]),
      '010100000002000000010000000100000074000400080000000100000002000000',
    ],
    ['UnsubscribeApplied', serverMessage.unsubscribeApplied(3, 2, undefined), '02030000000200000001'],
    ['SubscriptionError without request', serverMessage.subscriptionError(undefined, 2, 'x'), '0301020000000100000078'],
    ['SubscriptionError with request', serverMessage.subscriptionError(1, 2, 'x'), '030001000000020000000100000078'],
    [
      'TransactionUpdate',
      serverMessage.transactionUpdate([
        {
          querySetId: 2,
          updates: [
            { table: 't', rows: encodePersistentRows([u32(3)], []) },
            { table: 'e', rows: e },
          ],
        },
      ]),
      '04010000000200000002000000010000007401000000000004000400000003000000010000000000000000010000006501000000010102000000' +
        '00000000000000000500000000000000090000000100000061' +
        '00000000',
    ],
    ['OneOffQueryResult', serverMessage.oneOffQueryResult(4, []), '05040000000000000000'],
    [
      'ReducerResult Ok',
      serverMessage.reducerResult(5, 9n, { outcome: 'ok', querySets: [] }),
      '06050000000900000000000000000000000000000000',
    ],
    [
      'ReducerResult Err',
      serverMessage.reducerResult(5, 9n, { outcome: 'error', message: 'no' }),
      '060500000009000000000000000206000000020000006e6f',
    ],
    [
      'ReducerResult InternalError',
      serverMessage.reducerResult(5, 9n, { outcome: 'internal', message: 'bad' }),
      '060500000009000000000000000303000000626164',
    ],
    [
      'ProcedureResult',
      serverMessage.procedureResult(6, 9n, 4n, bytes('01')),
      '070001000000010900000000000000040000000000000006000000',
    ],
  ])('%s', (_name, message, vector) => {
    expect(hex(message)).toBe(vector);
  });

  test('rows of a table in one query set go under one table entry, one part per query', () => {
    const part = encodePersistentRows([u32(3)], []);
    const message = serverMessage.transactionUpdate([
      {
        querySetId: 2,
        updates: [
          { table: 't', rows: part },
          { table: 't', rows: part },
        ],
      },
    ]);
    expect(hex(message)).toBe(`04010000000200000001000000010000007402000000${hex(part)}${hex(part)}`);
  });

  test('rows of length zero are given by offsets, for FixedSize would lose their number', () => {
    const message = serverMessage.subscribeApplied(1, 2, [{ table: 't', rows: [bytes(''), bytes('')] }]);
    expect(hex(message)).toBe(`0101000000020000000100000001000000740102000000${'00'.repeat(16)}00000000`);
  });
});

describe('payloads', () => {
  const small = new Uint8Array(1024).fill(7);
  const large = new Uint8Array(1025).fill(7);

  test('up to 1024 bytes go out plain whatever was asked for', () => {
    for (const compression of ['None', 'Gzip', 'Brotli'] as const) {
      const { tag, body } = serverPayload(compression, small);
      expect([tag, hex(body)]).toEqual([0, hex(small)]);
    }
  });

  test('above 1024 bytes the tag names the algorithm and the body comes back', () => {
    expect(serverPayload('None', large).tag).toBe(0);
    const gzip = serverPayload('Gzip', large);
    expect(gzip.tag).toBe(2);
    expect(hex(gunzipSync(gzip.body))).toBe(hex(large));
    const brotli = serverPayload('Brotli', large);
    expect(brotli.tag).toBe(1);
    expect(hex(brotliDecompressSync(brotli.body))).toBe(hex(large));
  });

  test('messages are joined without separators', () => {
    expect(hex(concatenated([bytes('01'), bytes(''), bytes('0203')]))).toBe('010203');
  });
});

describe('frames', () => {
  /** What a receiver makes of frames: their sizes, and the bytes of each message. */
  function read(bytes: Buffer): { sizes: number[]; messages: Buffer[] } {
    const sizes: number[] = [];
    const messages: Buffer[] = [];
    let parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      expect((bytes[at] ?? 0) & 0x7f).toBe(parts.length === 0 ? 2 : 0);
      const isFinal = (bytes[at] ?? 0) >= 0x80;
      const [start, length] =
        bytes[at + 1] === 126 ? [at + 4, bytes.readUInt16BE(at + 2)] : [at + 2, bytes[at + 1] ?? 0];
      sizes.push(length);
      parts.push(bytes.subarray(start, start + length));
      at = start + length;
      if (!isFinal) continue;
      messages.push(Buffer.concat(parts));
      parts = [];
    }
    expect(parts).toEqual([]);
    return { sizes, messages };
  }

  class Stream {
    readonly OPEN = 1;
    readyState = 1;
    readonly written: Buffer[] = [];
    private callbacks: ((error?: Error) => void)[] = [];

    write(chunk: Buffer, done?: (error?: Error) => void): boolean {
      this.written.push(chunk);
      if (done !== undefined) this.callbacks.push(done);
      return true;
    }

    /** What was written has left, or cannot. */
    settle(error?: Error): void {
      for (const done of this.callbacks.splice(0)) done(error);
    }
  }

  const body = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251);
  const sender = (stream: Stream) => new FrameSender(stream as unknown as WebSocket, stream as unknown as Duplex);

  test.each([0, 1, 124, 125, 126, 4094, 4095, 4096, 8191, 8192, 10_000])(
    'a body of %i bytes leaves in frames of at most 4096 bytes in one write',
    (length) => {
      const stream = new Stream();
      let sent = 0;
      sender(stream).send(new ServerPayload(1, body(length)), () => (sent += 1));
      expect(stream.written).toHaveLength(1);
      const { sizes, messages } = read(Buffer.concat(stream.written));
      expect(sizes.slice(0, -1).every((size) => size === 4096)).toBe(true);
      expect(hex(messages[0] ?? body(0))).toBe(`01${hex(body(length))}`);
      stream.settle();
      expect(sent).toBe(1);
    },
  );

  test('a large message is made piece by piece, as the pieces before it leave', () => {
    const stream = new Stream();
    let sent = 0;
    sender(stream).send(new ServerPayload(0, body(2_000_000)), () => (sent += 1));
    expect(stream.written).toHaveLength(2);
    for (let turns = 0; sent === 0 && turns < 20; turns += 1) stream.settle();
    expect(sent).toBe(1);
    const { messages } = read(Buffer.concat(stream.written));
    expect(messages.map((message) => message.length)).toEqual([2_000_001]);
    expect(hex(messages[0] ?? body(0))).toBe(`00${hex(body(2_000_000))}`);
  });

  test('what is left of a large message leaves before what is written next', () => {
    const stream = new Stream();
    const sent: string[] = [];
    const frames = sender(stream);
    frames.send(new ServerPayload(0, body(2_000_000)), () => sent.push('large'));
    frames.send(new ServerPayload(0, body(5)), () => sent.push('small'));
    for (let turns = 0; sent.length < 2 && turns < 20; turns += 1) stream.settle();
    expect(sent).toEqual(['large', 'small']);
    expect(read(Buffer.concat(stream.written)).messages.map(({ length }) => length)).toEqual([2_000_001, 6]);
  });

  test('a message that cannot leave counts as sent', () => {
    const stream = new Stream();
    let sent = 0;
    sender(stream).send(new ServerPayload(0, body(2_000_000)), () => (sent += 1));
    stream.settle(new Error('broken'));
    expect([sent, stream.written.length]).toEqual([1, 2]);
    stream.readyState = 3;
    sender(stream).send(new ServerPayload(0, body(5)), () => (sent += 1));
    expect([sent, stream.written.length]).toEqual([2, 2]);
  });

  test('a body that is shared is compressed and framed once for all', () => {
    const large = body(5000);
    expect(serverPayload('Gzip', large)).not.toBe(serverPayload('Gzip', large));
    share(large);
    const payload = serverPayload('Gzip', large);
    expect(serverPayload('Gzip', large)).toBe(payload);
    expect(serverPayload('None', large)).not.toBe(payload);
    expect([...payload.chunks()][0]).toBe([...payload.chunks()][0]);
  });
});

test('the server prefers v3, whatever the order of the offer', () => {
  expect(chooseProtocol([v2, v3])).toBe(v3);
  expect(chooseProtocol([v2])).toBe(v2);
  expect(chooseProtocol(['v1.bsatn.spacetimedb'])).toBeUndefined();
});

type Typed = readonly [type: AlgebraicType, value: unknown];

const integer = (tag: 'U' | 'I', bits: number): fc.Arbitrary<Typed> => {
  const type = AlgebraicType[`${tag}${bits}` as 'U8'] as AlgebraicType;
  const min = tag === 'U' ? 0n : -(2n ** BigInt(bits - 1));
  const max = tag === 'U' ? 2n ** BigInt(bits) - 1n : 2n ** BigInt(bits - 1) - 1n;
  return fc.bigInt(min, max).map((value) => [type, bits <= 32 ? Number(value) : value]);
};

const leaf: fc.Arbitrary<Typed> = fc.oneof(
  ...[8, 16, 32, 64, 128, 256].flatMap((bits) => [integer('U', bits), integer('I', bits)]),
  fc.boolean().map((value): Typed => [AlgebraicType.Bool, value]),
  anyText().map((value): Typed => [AlgebraicType.String, value]),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value): Typed => [AlgebraicType.F64, value]),
  fc.uint8Array().map((value): Typed => [AlgebraicType.Array(AlgebraicType.U8), value]),
);

const { typed } = fc.letrec<{ typed: Typed }>((tie) => ({
  typed: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('typed'), { maxLength: 3 }).map((items): Typed => {
      const elements = items.map(([algebraicType], index) => ({ name: `f${index}`, algebraicType }));
      return [
        AlgebraicType.Product({ elements }),
        Object.fromEntries(items.map(([, value], index) => [`f${index}`, value])),
      ];
    }),
    fc.tuple(tie('typed'), fc.boolean()).map(([[type, value], isSome]): Typed => {
      const unit = AlgebraicType.Product({ elements: [] });
      const variants = [
        { name: 'some', algebraicType: type },
        { name: 'none', algebraicType: unit },
      ];
      return [AlgebraicType.Sum({ variants }), isSome && value !== undefined ? value : undefined];
    }),
    fc.tuple(tie('typed'), tie('typed'), fc.boolean()).map(([left, right, isLeft]): Typed => {
      const variants = [
        { name: 'left', algebraicType: left[0] },
        { name: 'right', algebraicType: right[0] },
      ];
      const value = isLeft ? { tag: 'left', value: left[1] } : { tag: 'right', value: right[1] };
      return [AlgebraicType.Sum({ variants }), value];
    }),
  ),
}));

describe('SATS-JSON', () => {
  test.each([[true], [false]])('J1 what is written is read back, byte for byte (named: %s)', (named) => {
    fc.assert(
      fc.property(typed, ([type, value]) => {
        const params: ProductType = { elements: [{ name: 'x', algebraicType: type }] };
        const bytes = bsatn(type, value);
        const json = parseExactJson(`[${satsJson(type, bytes, { named })}]`);
        if (json === undefined) throw new Error('no JSON was written');
        const read = readArguments(params, json);
        expect(hex(bsatn(AlgebraicType.Product(params), read))).toBe(hex(bytes));
      }),
      propertyRuns(150),
    );
  });

  test('J2 numbers of every width stay exact', () => {
    expect(parseExactJson('[18446744073709551615, -9223372036854775808, 1, 1.5, 1e3]')).toEqual([
      18446744073709551615n,
      -9223372036854775808n,
      1,
      1.5,
      1000,
    ]);
    expect(satsJson(AlgebraicType.U64, bsatn(AlgebraicType.U64, 2n ** 64n - 1n))).toBe('18446744073709551615');
    expect(parseExactJson('[')).toBeUndefined();
  });
});
