import { canonicalJson, canonicalPayloadHash, extendChain, genesisChain, payloadHash } from '@autopilot/sync-contract';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Client, Host, hex, readerScope } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
});

const receipts = () => host.events('append_receipt', admin).map(({ outcome, seq }) => [outcome, seq]);

describe('M2 sequences', () => {
  test('are dense from 1 in each stream, whatever happens between', () => {
    const other = 'runtime.run.2';
    expect(admin.append(stream, 'a')).toBe('done');
    expect(admin.append(other, 'a')).toBe('done');
    expect(admin.append(stream, 'b', 1, { payload_hash: payloadHash(2) })).toBe('payload_hash_mismatch');
    expect(admin.append(stream, 'a')).toBe('done');
    expect(admin.append(stream, 'c')).toBe('done');
    expect(admin.append(other, 'b')).toBe('done');
    const seqs = (id: string) =>
      host
        .rows('sync_event')
        .filter((row) => row.stream_id === id)
        .map((row) => row.seq);
    expect(seqs(stream).sort()).toEqual([1n, 2n]);
    expect(seqs(other).sort()).toEqual([1n, 2n]);
    expect(receipts()).toEqual([
      ['appended', 1n],
      ['appended', 1n],
      ['duplicate', 1n],
      ['appended', 2n],
      ['appended', 2n],
    ]);
  });

  test('can be expected, the first one too', () => {
    const expecting = (key: string, expected_next_seq: bigint | undefined) =>
      admin.append(stream, key, { key }, { expected_next_seq });
    expect(expecting('a', 2n)).toBe('sequence_conflict');
    expect(expecting('a', 0n)).toBe('sequence_conflict');
    // Refused for a stream that does not exist yet: then it must not exist afterwards either.
    expect(host.rows('sync_stream')).toEqual([]);
    expect(expecting('a', 1n)).toBe('done');
    expect(expecting('b', 1n)).toBe('sequence_conflict');
    expect(expecting('b', 2n)).toBe('done');
    // A retry of what went through is a duplicate, though its expectation is no longer true.
    expect(expecting('a', 1n)).toBe('done');
    expect(receipts()).toEqual([
      ['appended', 1n],
      ['appended', 2n],
      ['duplicate', 1n],
    ]);
  });
});

describe('M3 idempotency', () => {
  test('the same key and content adds nothing, another content is a conflict', () => {
    expect(admin.append(stream, 'a', { n: 1 })).toBe('done');
    expect(admin.append(stream, 'a', { n: 1 })).toBe('done');
    expect(admin.append(stream, 'a', { n: 2 })).toBe('idempotency_conflict');
    expect(admin.append(stream, 'a', { n: 1 }, { kind: 'other' })).toBe('idempotency_conflict');
    expect(host.rows('sync_event')).toHaveLength(1);
    expect(receipts()).toEqual([
      ['appended', 1n],
      ['duplicate', 1n],
    ]);
  });

  test('a key belongs to its stream', () => {
    expect(admin.append(stream, 'a', { n: 1 })).toBe('done');
    expect(admin.append('runtime.run.2', 'a', { n: 2 })).toBe('done');
    expect(host.rows('sync_event')).toHaveLength(2);
  });

  test('a duplicate is not sent to watchers again', async () => {
    const reader = host.client('reader', readerScope);
    admin.append(stream, 'a');
    admin.grant(reader, stream);
    await reader.open(stream);
    admin.append(stream, 'b');
    admin.append(stream, 'b');
    expect(reader.inbox().map((row) => row.seq)).toEqual([2n]);
  });
});

describe('M4 payloads', () => {
  const raw = (payload: string, payload_hash: string = canonicalPayloadHash(payload)) =>
    admin.call('append_sync_event', {
      stream_id: stream,
      kind: 'note',
      payload,
      payload_hash,
      idempotency_key: 'k',
      expected_next_seq: undefined,
    });

  test.each([
    ['white space', '{"a": 1}'],
    ['unsorted members', '{"b":1,"a":1}'],
    ['a member twice', '{"a":1,"a":1}'],
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['an integer that is not exact', '[9007199254740993]'],
    ['hostile nesting', '['.repeat(100_000) + ']'.repeat(100_000)],
  ])('%s is refused', (_name, payload) => {
    expect(raw(payload)).toBe('not_canonical');
    expect(host.rows('sync_event')).toEqual([]);
  });

  test('the hash must be of the payload and of its form', () => {
    expect(raw('{}', canonicalPayloadHash('{ }'))).toBe('payload_hash_mismatch');
    expect(raw('{}', canonicalPayloadHash('{}').slice(7))).toBe('invalid_request');
    expect(raw('{}')).toBe('done');
  });

  test('are taken to 256 KiB of UTF-8', () => {
    const text = (bytes: number) => canonicalJson('é'.repeat((bytes - 2) / 2));
    expect(raw(text(256 * 1024 + 2))).toBe('payload_too_large');
    expect(raw(text(256 * 1024))).toBe('done');
  });

  test('travel inline to 1 KiB of UTF-8, beyond that only their hash does', async () => {
    const reader = host.client('reader', readerScope);
    admin.append(stream, 'a');
    admin.grant(reader, stream);
    await reader.open(stream);
    const exact = 'é'.repeat(511);
    expect(admin.append(stream, 'b', exact)).toBe('done');
    expect(admin.append(stream, 'c', `${exact}x`)).toBe('done');
    expect(reader.inbox()).toMatchObject([
      { seq: 2n, inline: true, payload: canonicalJson(exact), payload_hash: payloadHash(exact) },
      { seq: 3n, inline: false, payload: '', payload_hash: payloadHash(`${exact}x`) },
    ]);
  });
});

describe('M2 streams', () => {
  test('only sync.admin makes one by appending', () => {
    const writer = host.client('writer', 'sync.append');
    admin.grant(writer, stream, 'writer');
    expect(writer.append(stream, 'a')).toBe('unknown_stream');
    expect(admin.append(stream, 'a')).toBe('done');
    expect(writer.append(stream, 'b')).toBe('done');
    expect(host.events('append_receipt', writer)).toMatchObject([{ outcome: 'appended', seq: 2n }]);
  });

  test('create_stream is idempotent, and refuses another class or fanout', () => {
    const create = (fields: Record<string, unknown>) =>
      admin.call('create_stream', { stream_id: stream, stream_class: 'run', fanout: 'doorbell', epoch: '', ...fields });
    expect(create({ fanout: 'shout' })).toBe('invalid_request');
    expect(create({ stream_class: '' })).toBe('invalid_request');
    expect(create({})).toBe('done');
    const [before] = host.rows('sync_stream');
    expect(create({})).toBe('done');
    expect(host.rows('sync_stream')).toEqual([before]);
    expect(create({ fanout: 'inbox' })).toBe('invalid_request');
    expect(before).toMatchObject({ head: 0n, first_kept: 1n, head_chain: genesisChain(stream), stream_class: 'run' });
    expect(hex(before?.owner)).toBe(admin.identity);
    expect(before?.epoch).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('create_stream takes an epoch for a stream that begins, and leaves that of one that exists', () => {
    const create = (epoch: string) =>
      admin.call('create_stream', { stream_id: stream, stream_class: 'run', fanout: 'inbox', epoch });
    expect(create('x'.repeat(513))).toBe('invalid_request');
    expect(host.rows('sync_stream')).toEqual([]);
    expect(create('planned-1')).toBe('done');
    expect(create('planned-2')).toBe('done');
    expect(create('')).toBe('done');
    expect(host.rows('sync_stream')).toMatchObject([{ stream_id: stream, epoch: 'planned-1' }]);
    expect(admin.append(stream, 'a')).toBe('done');
    expect(host.events('append_receipt', admin)).toMatchObject([{ epoch: 'planned-1', seq: 1n }]);
  });

  test.each(['', 'run.1', 'runtime.a b', 'runtime.%2e', `runtime.${'a'.repeat(510)}`])('%j is no stream id', (id) => {
    expect(['invalid_stream_id', 'invalid_request']).toContain(admin.append(id, 'a'));
    expect(host.rows('sync_stream')).toEqual([]);
  });
});

test('M2 M3 M4 any series of appends leaves a dense log whose chain is that of the contract', () => {
  const step = fc.record({
    stream: fc.constantFrom('a', 'b'),
    key: fc.integer({ min: 0, max: 8 }),
    value: fc.integer({ min: 0, max: 1 }),
    expect: fc.option(fc.bigInt({ min: 0n, max: 6n }), { nil: undefined }),
  });
  let round = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      round += 1;
      const model = new Map<string, { key: string; value: number }[]>();
      for (const { stream: name, key: number, value, expect: expected } of steps) {
        const id = `runtime.${name}.${round}`;
        const key = `k${number}`;
        const log = model.get(id) ?? [];
        const earlier = log.find((event) => event.key === key);
        let outcome = 'done';
        if (earlier !== undefined) outcome = earlier.value === value ? 'done' : 'idempotency_conflict';
        else if (expected !== undefined && expected !== BigInt(log.length + 1)) outcome = 'sequence_conflict';
        else model.set(id, [...log, { key, value }]);
        expect(admin.append(id, key, { value }, { expected_next_seq: expected })).toBe(outcome);
      }
      for (const [id, log] of model) {
        let chain = genesisChain(id);
        const rows = log.map(({ key, value }, index) => {
          const link = {
            seq: BigInt(index + 1),
            kind: 'note',
            idempotency_key: key,
            payload_hash: payloadHash({ value }),
          };
          chain = extendChain(chain, link);
          return { ...link, chain };
        });
        const stored = host.rows('sync_event').filter((row) => row.stream_id === id);
        expect(stored.sort((a, b) => Number((a.seq as bigint) - (b.seq as bigint)))).toMatchObject(rows);
        const head = host.rows('sync_stream').find((row) => row.stream_id === id);
        expect(head).toMatchObject({ head: BigInt(log.length), head_chain: chain });
      }
    }),
    propertyRuns(40),
  );
});
