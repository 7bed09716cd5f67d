import { canonicalPayloadHash } from '@autopilot/sync-contract';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Timestamp } from 'spacetimedb';
import { type Client, everyScope, Host } from './support/host.ts';

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
  const refuse = (reason: string) => admin.call('refuse_bridge_event', { event_id: 'e1', reason });

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

  test('what is refused stays refused, with its first reason, and cannot have been sent', () => {
    enqueue('1');
    expect(refuse('not a job')).toBe('done');
    const [refused] = host.rows('bridge_outbox');
    expect(refused).toMatchObject({ status: 'refused', receipt: 'not a job', sent_at: undefined });
    host.ports.advance(5_000);
    expect(refuse('another reason')).toBe('done');
    expect(admin.call('mark_bridge_event_sent', { event_id: 'e1', receipt: 'r1' })).toBe('invalid_request');
    expect(enqueue('1')).toBe('done');
    expect(host.rows('bridge_outbox')).toEqual([refused]);
  });

  test('what is sent is not refused any more', () => {
    enqueue('1');
    admin.call('mark_bridge_event_sent', { event_id: 'e1', receipt: 'r1' });
    const before = host.rows('bridge_outbox');
    expect(refuse('too late')).toBe('done');
    expect(host.rows('bridge_outbox')).toEqual(before);
  });

  test('a refusal names an event that is there, and says why in 4 KiB', () => {
    expect(refuse('why')).toBe('invalid_request');
    enqueue('1');
    expect(refuse('x'.repeat(4_097))).toBe('payload_too_large');
    expect(host.rows('bridge_outbox')).toMatchObject([{ status: 'pending' }]);
  });
});

describe('M15 bridge_pending', () => {
  const enqueue = (event_id: string, payload = '{}') =>
    admin.call('enqueue_bridge_event', {
      event_id,
      transport: 'nostr',
      payload,
      payload_hash: canonicalPayloadHash(payload),
    });
  const shown = (client: Client) =>
    host
      .view('bridge_pending', client)
      .map(({ event_id }) => event_id)
      .sort();

  test('shows what is pending to holders of the grant, and nothing to anybody else', () => {
    const bridge = host.client('bridge', 'sync.bridge');
    expect(enqueue('e1')).toBe('done');
    expect(host.view('bridge_pending', bridge)).toEqual([]);
    expect(admin.grant(bridge, 'bridge.outbox')).toBe('done');
    for (const event_id of ['e2', 'e3']) enqueue(event_id);
    expect(shown(bridge)).toEqual(['e1', 'e2', 'e3']);
    const [row] = host.view('bridge_pending', bridge);
    expect(Object.keys(row ?? {})).toEqual(['event_id', 'transport', 'payload', 'payload_hash', 'created_at']);
    bridge.call('mark_bridge_event_sent', { event_id: 'e1', receipt: 'r' });
    bridge.call('refuse_bridge_event', { event_id: 'e2', reason: 'r' });
    expect(shown(bridge)).toEqual(['e3']);
    // Scopes, other grants and owning the database show nothing.
    admin.grant(admin, stream, 'admin');
    for (const other of [admin, host.owner()]) expect(shown(other)).toEqual([]);
    admin.call('revoke_stream', { identity: bridge.id, stream_id: 'bridge.outbox' });
    expect(shown(bridge)).toEqual([]);
  });

  test('goes with the time of the grant', () => {
    const bridge = host.client('bridge', 'sync.bridge');
    enqueue('e1');
    const until = new Timestamp(BigInt(host.ports.clock.now() + 5_000) * 1_000n);
    expect(admin.grant(bridge, 'bridge.outbox', 'reader', until)).toBe('done');
    expect(shown(bridge)).toEqual(['e1']);
    host.ports.advance(20_000);
    expect(shown(bridge)).toEqual([]);
  });

  test('has at most 256 rows, and ends with the row that brings it to 1 MiB', () => {
    const bridge = host.client('bridge', 'sync.bridge');
    admin.grant(bridge, 'bridge.outbox');
    for (let index = 0; index < 260; index += 1) enqueue(`e${index}`);
    expect(shown(bridge)).toHaveLength(256);
    for (const event_id of shown(bridge)) bridge.call('refuse_bridge_event', { event_id, reason: '' });
    expect(shown(bridge)).toHaveLength(4);
    for (const event_id of shown(bridge)) bridge.call('refuse_bridge_event', { event_id, reason: '' });
    const large = JSON.stringify('x'.repeat(250 * 1024));
    for (let index = 0; index < 7; index += 1) enqueue(`large${index}`, large);
    expect(shown(bridge)).toHaveLength(5);
  });

  test('its id is granted but is no stream', async () => {
    const bridge = host.client('bridge', everyScope);
    admin.grant(bridge, 'bridge.outbox', 'admin');
    expect(admin.append('bridge.outbox', 'k')).toBe('invalid_stream_id');
    const made = { stream_id: 'bridge.outbox', stream_class: 'c', fanout: 'public', epoch: '' };
    expect(admin.call('create_stream', made)).toBe('invalid_stream_id');
    expect((await bridge.open('bridge.outbox')).status).toBe('unknown_stream');
  });
});

describe('M16 what is settled', () => {
  const hour = 3_600_000;
  /** In steps of an hour, each with a token of its own. */
  const advanceHours = (count: number) => {
    for (let index = 0; index < count; index += 1) host.ports.advance(hour);
    admin = host.client('admin');
  };

  test('a bridge event goes a day after it was sent or refused, and never while it is pending', () => {
    const payload = '1';
    for (const event_id of ['sent', 'refused', 'pending']) {
      const event = { event_id, transport: 'nostr', payload, payload_hash: canonicalPayloadHash(payload) };
      expect(admin.call('enqueue_bridge_event', event)).toBe('done');
    }
    advanceHours(30);
    admin.call('mark_bridge_event_sent', { event_id: 'sent', receipt: '' });
    admin.call('refuse_bridge_event', { event_id: 'refused', reason: '' });
    advanceHours(23);
    expect(host.rows('bridge_outbox')).toHaveLength(3);
    advanceHours(2);
    expect(host.rows('bridge_outbox')).toMatchObject([{ event_id: 'pending', status: 'pending' }]);
    expect(host.rows('bridge_settled')).toEqual([]);
    // The id is new again, and may be settled again.
    const again = { event_id: 'sent', transport: 'nostr', payload, payload_hash: canonicalPayloadHash(payload) };
    expect(admin.call('enqueue_bridge_event', again)).toBe('done');
    expect(admin.call('mark_bridge_event_sent', { event_id: 'sent', receipt: '' })).toBe('done');
  });

  test('an assignment goes a day after its end, and never before', () => {
    admin.grant(admin, stream);
    const open = (assignment_id: string) =>
      admin.call('open_compute_assignment', { assignment_id, provider: admin.id, stream_id: stream, detail: '{}' });
    const move = (assignment_id: string, ...statuses: string[]) => {
      for (const [index, status] of statuses.entries()) {
        const expected_version = BigInt(index + 1);
        const args = { assignment_id, expected_version, status, detail: '{}' };
        expect(admin.call('update_compute_assignment', args)).toBe('done');
      }
    };
    for (const id of ['open', 'accepted', 'running', 'done', 'failed', 'cancelled']) expect(open(id)).toBe('done');
    advanceHours(30);
    move('accepted', 'accepted');
    move('running', 'accepted', 'running');
    move('done', 'accepted', 'running', 'done');
    move('failed', 'failed');
    move('cancelled', 'cancelled');
    advanceHours(23);
    expect(host.rows('compute_assignment')).toHaveLength(6);
    advanceHours(2);
    const left = host.rows('compute_assignment').map(({ assignment_id }) => assignment_id);
    expect(left.sort()).toEqual(['accepted', 'open', 'running']);
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

  test('carry inputs and results of 64 KiB, and no more', () => {
    const detail = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
    expect(open({ detail: detail(64 * 1024 + 1) })).toBe('payload_too_large');
    expect(open({ detail: detail(64 * 1024) })).toBe('done');
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
