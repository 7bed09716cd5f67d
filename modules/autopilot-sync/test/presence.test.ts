import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host, hex, readerScope } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;
let reader: Client;
let watcher: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  reader = host.client('reader', readerScope);
  watcher = host.client('watcher', readerScope);
  admin.append(stream, 'k1');
  admin.grant(reader, stream);
  admin.grant(watcher, stream);
  await watcher.open(stream);
});

const set = (client: Client, fields: Record<string, unknown> = {}) =>
  client.call('upsert_presence', {
    session_id: 's1',
    stream_id: stream,
    status: 'typing',
    detail: '{}',
    ttl_seconds: 30,
    ...fields,
  });
const signals = () => host.events('transient_signal', watcher).map((row) => [row.kind, row.payload]);

describe('M11 presence', () => {
  test('goes when its time is over, and the watchers hear it', () => {
    expect(set(reader)).toBe('done');
    host.ports.advance(25_000);
    expect(reader.call('heartbeat', { session_id: 's1' })).toBe('done');
    host.ports.advance(25_000);
    expect(host.rows('session_presence')).toHaveLength(1);
    host.ports.advance(15_000);
    expect(host.rows('session_presence')).toEqual([]);
    expect(signals()).toEqual([
      ['presence', '{"detail":{},"session_id":"s1","status":"typing"}'],
      ['presence', '{"detail":{},"session_id":"s1","status":"gone"}'],
    ]);
    expect(reader.call('heartbeat', { session_id: 's1' })).toBe('invalid_request');
  });

  test('only a change is told', () => {
    set(reader);
    set(reader);
    set(reader, { status: 'idle' });
    set(reader, { status: 'idle', detail: '{"app":"desktop"}' });
    reader.call('heartbeat', { session_id: 's1' });
    expect(signals().map(([, payload]) => payload)).toEqual([
      '{"detail":{},"session_id":"s1","status":"typing"}',
      '{"detail":{},"session_id":"s1","status":"idle"}',
      '{"detail":{"app":"desktop"},"session_id":"s1","status":"idle"}',
    ]);
  });

  test('belongs to a connection: the end of an old one leaves the new one in place', () => {
    set(reader);
    const next = host.client('reader', readerScope);
    set(next);
    expect(host.rows('session_presence')).toHaveLength(2);
    reader.disconnect();
    const [left] = host.rows('session_presence');
    expect(hex(left?.connection_id)).toBe(next.connectionId);
    expect(reader.identity).toBe(next.identity);
    expect(next.call('clear_presence', { session_id: 's1' })).toBe('done');
    expect(next.call('clear_presence', { session_id: 's1' })).toBe('done');
    expect(host.rows('session_presence')).toEqual([]);
  });

  test('moves with its session to another stream', () => {
    admin.append('runtime.run.2', 'k1');
    admin.grant(reader, 'runtime.run.2');
    set(reader);
    expect(set(reader, { stream_id: 'runtime.run.2' })).toBe('done');
    expect(host.rows('session_presence')).toMatchObject([{ stream_id: 'runtime.run.2' }]);
    expect(signals().at(-1)?.[1]).toContain('gone');
  });

  test('bad input is refused', () => {
    expect(set(reader, { ttl_seconds: 0 })).toBe('invalid_request');
    expect(set(reader, { ttl_seconds: 86_401 })).toBe('invalid_request');
    expect(set(reader, { session_id: '' })).toBe('invalid_request');
    expect(set(reader, { detail: '{ }' })).toBe('not_canonical');
    expect(set(reader, { detail: JSON.stringify('x'.repeat(4_096)) })).toBe('payload_too_large');
    for (let index = 0; index < 16; index += 1) expect(set(reader, { session_id: `s${index}` })).toBe('done');
    expect(set(reader, { session_id: 'one too many' })).toBe('rate_limited');
    expect(set(reader, { session_id: 's0', status: 'idle' })).toBe('done');
  });

  test('is shown to holders of a grant on its stream only', () => {
    const stranger = host.client('stranger', readerScope);
    set(reader);
    expect(host.view('stream_presence', watcher)).toMatchObject([
      { session_id: 's1', status: 'typing', stream_id: stream },
    ]);
    expect(host.view('stream_presence', stranger)).toEqual([]);
  });
});

describe('M1 progress', () => {
  test('reaches the watchers and is kept nowhere', () => {
    const writer = host.client('writer', 'sync.append');
    const say = (client: Client, payload = '{"done":0.5}') =>
      client.call('signal_progress', { stream_id: stream, payload });
    expect(say(writer)).toBe('forbidden');
    admin.grant(writer, stream, 'writer');
    expect(say(writer)).toBe('done');
    expect(say(admin)).toBe('done');
    expect(say(writer, '{"done": 1}')).toBe('not_canonical');
    expect(admin.call('signal_progress', { stream_id: 'runtime.none', payload: '1' })).toBe('unknown_stream');
    expect(signals()).toEqual([
      ['progress', '{"done":0.5}'],
      ['progress', '{"done":0.5}'],
    ]);
    expect(host.rows('sync_event')).toHaveLength(1);
    expect(host.events('transient_signal', reader)).toEqual([]);
  });
});
