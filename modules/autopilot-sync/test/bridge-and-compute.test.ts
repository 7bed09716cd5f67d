import { canonicalPayloadHash } from '@autopilot/sync-contract';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  admin.append(stream, 'k1');
});

describe('M12 the bridge outbox', () => {
  const enqueue = (payload: string, fields: Record<string, unknown> = {}) =>
    admin.call('enqueue_bridge_event', {
      event_id: 'e1',
      transport: 'nostr',
      payload,
      payload_hash: canonicalPayloadHash(payload),
      ...fields,
    });

  test('what is sent stays sent, with its first receipt', () => {
    expect(enqueue('{"kind": 1}')).toBe('done');
    expect(host.rows('bridge_outbox')).toMatchObject([{ status: 'pending', receipt: '', sent_at: undefined }]);
    host.ports.advance(5_000);
    expect(admin.call('mark_bridge_event_sent', { event_id: 'e1', receipt: 'r1' })).toBe('done');
    const [sent] = host.rows('bridge_outbox');
    expect(sent).toMatchObject({ status: 'sent', receipt: 'r1', payload: '{"kind": 1}' });
    host.ports.advance(5_000);
    expect(enqueue('{"kind": 1}')).toBe('done');
    expect(admin.call('mark_bridge_event_sent', { event_id: 'e1', receipt: 'r2' })).toBe('done');
    expect(host.rows('bridge_outbox')).toEqual([sent]);
  });

  test('an id names one payload on one transport', () => {
    enqueue('1');
    expect(enqueue('2')).toBe('idempotency_conflict');
    expect(enqueue('1', { transport: 'mail' })).toBe('idempotency_conflict');
    expect(enqueue('2', { event_id: 'e2', payload_hash: canonicalPayloadHash('1') })).toBe('payload_hash_mismatch');
    expect(enqueue('2', { event_id: 'e2', payload_hash: '' })).toBe('invalid_request');
    expect(enqueue('x'.repeat(256 * 1024 + 1), { event_id: 'e2' })).toBe('payload_too_large');
    expect(admin.call('mark_bridge_event_sent', { event_id: 'e2', receipt: '' })).toBe('invalid_request');
    expect(host.rows('bridge_outbox')).toHaveLength(1);
  });
});

describe('capabilities', () => {
  const publish = (client: Client, capability: string, detail = '{}') =>
    client.call('publish_provider_capability', { capability, detail, ttl_seconds: 60 });

  test('are replaced, shown to holders of a grant, and go with their time', () => {
    const provider = host.client('provider', 'sync.compute');
    const reader = host.client('reader', 'sync.subscribe');
    admin.grant(reader, stream);
    expect(publish(provider, 'render')).toBe('done');
    expect(publish(provider, 'render', '{"gpu":1}')).toBe('done');
    expect(host.view('capabilities', reader)).toMatchObject([{ capability: 'render', detail: '{"gpu":1}' }]);
    expect(host.view('capabilities', provider)).toEqual([]);
    expect(host.view('capabilities', host.owner())).toHaveLength(1);
    host.ports.advance(70_000);
    expect(host.rows('provider_capability')).toEqual([]);
  });

  test('are bounded per identity', () => {
    for (let index = 0; index < 32; index += 1) expect(publish(admin, `c${index}`)).toBe('done');
    expect(publish(admin, 'one too many')).toBe('rate_limited');
    expect(publish(admin, 'c0', '1')).toBe('done');
  });
});

describe('M13 assignments', () => {
  let requester: Client;
  let provider: Client;
  beforeEach(() => {
    requester = host.client('requester', 'sync.compute');
    provider = host.client('provider', 'sync.compute');
    admin.grant(requester, stream);
  });
  const open = (fields: Record<string, unknown> = {}) =>
    requester.call('open_compute_assignment', {
      assignment_id: 'a1',
      provider: provider.id,
      stream_id: stream,
      detail: '{"job":1}',
      ...fields,
    });
  const move = (client: Client, expected_version: bigint, status: string) =>
    client.call('update_compute_assignment', { assignment_id: 'a1', expected_version, status, detail: '{}' });

  test('go from party to party, each from the version it saw', () => {
    expect(open()).toBe('done');
    expect(move(requester, 1n, 'accepted')).toBe('invalid_request');
    expect(move(provider, 1n, 'accepted')).toBe('done');
    expect(move(provider, 1n, 'running')).toBe('sequence_conflict');
    expect(move(provider, 2n, 'running')).toBe('done');
    expect(move(provider, 3n, 'done')).toBe('done');
    expect(move(requester, 4n, 'cancelled')).toBe('invalid_request');
    expect(host.rows('compute_assignment')).toMatchObject([{ status: 'done', version: 4n }]);
  });

  test('are for their two parties', () => {
    open();
    const other = host.client('other', 'sync.compute');
    expect(move(other, 1n, 'cancelled')).toBe('forbidden');
    const none = { assignment_id: 'none', expected_version: 1n, status: 'done', detail: '{}' };
    expect(provider.call('update_compute_assignment', none)).toBe('forbidden');
    for (const party of [requester, provider]) {
      expect(host.view('my_assignments', party)).toMatchObject([{ assignment_id: 'a1', status: 'open' }]);
    }
    expect(host.view('my_assignments', other)).toEqual([]);
  });

  test('opened twice are one, with other content a conflict', () => {
    expect(open()).toBe('done');
    expect(open()).toBe('done');
    expect(open({ detail: '{"job":2}' })).toBe('idempotency_conflict');
    expect(open({ provider: requester.id })).toBe('idempotency_conflict');
    expect(open({ assignment_id: 'a2', provider: requester.id })).toBe('done');
    expect(host.view('my_assignments', requester)).toHaveLength(2);
  });
});
