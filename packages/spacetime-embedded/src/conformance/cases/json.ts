import { group } from '../case.ts';
import { equal } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

const zeros = {
  id: 0,
  flag: false,
  unsigned_8: 0,
  unsigned_16: 0,
  unsigned_32: 0,
  unsigned_64: 0,
  unsigned_128: 0,
  unsigned_256: '0x0',
  signed_8: 0,
  signed_16: 0,
  signed_32: 0,
  signed_64: 0,
  signed_128: 0,
  signed_256: '0x0',
  float_32: 0,
  float_64: 0,
  text: '',
  bytes: '',
  identity: ['0x0'],
  connection: [0],
  moment: [0],
  span: [0],
  uuid: [0],
  maybe_text: { none: [] },
  numbers: [],
  points: [],
  point: [0, 0],
  shade: { plain: [] },
  level: { low: [] },
  maybe_point: { none: [] },
  at: { Time: [0] },
};
type Column = keyof typeof zeros;

let nextId = 1;

/** Stores one value, given as JSON text, and reads it back as JSON text. */
async function through(server: ServerUnderTest, column: Column, json: string): Promise<string> {
  const database = await server.database('types');
  const id = nextId;
  nextId += 1;
  const members = Object.entries({ ...zeros, id }).map(
    ([name, value]) => `${JSON.stringify(name)}:${name === column ? json : JSON.stringify(value)}`,
  );
  await database.commit('put', `[{${members.join(',')}}]`);
  const { body } = await database.sql(`SELECT ${column} FROM every WHERE id = ${id}`);
  return /"rows":\[\[(.*)\]\],"total_duration/.exec(body.replaceAll(/\s/g, ''))?.[1] ?? body;
}

const same = (id: string, column: Column, title: string, ...values: readonly string[]) =>
  [
    id,
    'sats.json',
    title,
    async (server: ServerUnderTest) => {
      for (const value of values) equal(await through(server, column, value), value, column);
    },
  ] as const;

/** SATS-JSON, in arguments and in rows. */
export const jsonCases = group('json', [
  same('bool', 'flag', 'booleans', 'true', 'false'),
  same('u8', 'unsigned_8', 'u8', '0', '255'),
  same('i8', 'signed_8', 'i8', '-128', '127'),
  same('u16', 'unsigned_16', 'u16', '65535'),
  same('i16', 'signed_16', 'i16', '-32768', '32767'),
  same('u32', 'unsigned_32', 'u32', '4294967295'),
  same('i32', 'signed_32', 'i32', '-2147483648', '2147483647'),
  same('u64', 'unsigned_64', 'u64 beyond 2^53 are bare numbers', '9007199254740993', '18446744073709551615'),
  same('i64', 'signed_64', 'i64 are bare numbers', '-9223372036854775808', '9223372036854775807'),
  same('u128', 'unsigned_128', 'u128 are bare numbers', '340282366920938463463374607431768211455'),
  same('i128', 'signed_128', 'i128 are bare numbers', '-170141183460469231731687303715884105728'),
  [
    'u256',
    'sats.json',
    'u256 are hex texts',
    async (server) => {
      const largest = `"0x${'f'.repeat(64)}"`;
      equal(await through(server, 'unsigned_256', largest), largest, 'the largest');
      equal(BigInt(JSON.parse(await through(server, 'unsigned_256', '"0xff"'))), 255n, 'a short one');
    },
  ],
  [
    'f32',
    'sats.json',
    'f32 are numbers',
    async (server) => {
      equal(Number(await through(server, 'float_32', '1.5')), 1.5, 'float_32');
    },
  ],
  [
    'f64',
    'sats.json',
    'f64 are numbers',
    async (server) => {
      for (const value of ['0.1', '-1e300', '5e-324']) {
        equal(Number(await through(server, 'float_64', value)), Number(value), 'float_64');
      }
    },
  ],
  same('string', 'text', 'texts, with escapes and beyond the basic plane', '""', '"é\\n\\"😀"'),
  same('bytes', 'bytes', 'bytes are lowercase hex', '""', '"00ff10"'),
  [
    'bytes-array',
    'sats.json',
    'bytes may be given as an array',
    async (server) => {
      equal(await through(server, 'bytes', '[0,255,16]'), '"00ff10"', 'bytes');
    },
  ],
  [
    'identity',
    'sats.json',
    'an identity is a product of one u256, also by its name',
    async (server) => {
      const hex = `0x${'ab'.repeat(32)}`;
      equal(await through(server, 'identity', `["${hex}"]`), `["${hex}"]`, 'as an array');
      equal(await through(server, 'identity', `{"__identity__":"${hex}"}`), `["${hex}"]`, 'as an object');
    },
  ],
  same(
    'connection-id',
    'connection',
    'a connection id is a product of one u128',
    '[340282366920938463463374607431768211455]',
  ),
  same('timestamp', 'moment', 'a timestamp is a product of one i64', '[1700000000000000]', '[-1]'),
  same('duration', 'span', 'a duration is a product of one i64', '[-5]'),
  same('uuid', 'uuid', 'a uuid is a product of one u128', '[1]'),
  [
    'option',
    'sats.json',
    'an option is a sum of some and none, in each form',
    async (server) => {
      for (const form of ['{"some":"x"}', '[0,"x"]', '{"0":"x"}']) {
        equal(await through(server, 'maybe_text', form), '[0,"x"]', form);
      }
      for (const form of ['{"none":[]}', '[1,[]]']) equal(await through(server, 'maybe_text', form), '[1,[]]', form);
    },
  ],
  same('array', 'numbers', 'arrays', '[]', '[1,-2,3]'),
  same('array-of-products', 'points', 'arrays of products', '[[1,2],[3,4]]'),
  [
    'product',
    'sats.json',
    'a product is an array, and accepted as an object',
    async (server) => {
      equal(await through(server, 'point', '[1,2]'), '[1,2]', 'as an array');
      equal(await through(server, 'point', '{"x":1,"y_axis":2}'), '[1,2]', 'as an object');
    },
  ],
  [
    'sum',
    'sats.json',
    'a sum is a variant with its payload',
    async (server) => {
      equal(await through(server, 'shade', '{"mixed":"0102"}'), '[1,"0102"]', 'a payload of bytes');
      equal(await through(server, 'shade', '{"namedOne":"x"}'), '[2,"x"]', 'a payload of text');
      equal(await through(server, 'shade', '{"plain":[]}'), '[0,[]]', 'a unit');
      equal(await through(server, 'level', '{"high":[]}'), '[1,[]]', 'a plain enum');
    },
  ],
  [
    'schedule-at',
    'sats.json',
    'ScheduleAt is a sum of Interval and Time',
    async (server) => {
      equal(await through(server, 'at', '{"Interval":[5]}'), '[0,[5]]', 'an interval');
      equal(await through(server, 'at', '{"Time":[7]}'), '[1,[7]]', 'a time');
    },
  ],
  [
    'nested-option',
    'sats.json',
    'an option of a product',
    async (server) => {
      equal(await through(server, 'maybe_point', '{"some":[1,2]}'), '[0,[1,2]]', 'some');
    },
  ],
  [
    'schema-of-answer',
    'sql.http',
    'an SQL answer has the schema of its columns',
    async (server) => {
      const database = await server.database('types');
      const { body } = await database.sql('SELECT flag, unsigned_64 FROM every WHERE id = 0');
      equal(
        JSON.parse(body)[0].schema,
        {
          elements: [
            { name: { some: 'flag' }, algebraic_type: { Bool: [] } },
            { name: { some: 'unsigned_64' }, algebraic_type: { U64: [] } },
          ],
        },
        'schema',
      );
    },
  ],
]);
