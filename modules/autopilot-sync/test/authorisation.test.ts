import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Timestamp } from 'spacetimedb';
import { audience, type Client, everyScope, Host, issuer, readerScope, start } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;

async function fresh(): Promise<void> {
  host = await Host.open();
  admin = host.client('admin');
  expect(admin.append(stream, 'k1')).toBe('done');
}

/** A client whose token runs out in a second. */
function shortLived(name: string, scope: string): Client {
  return host.client(name, scope, { exp: Math.floor(host.ports.clock.now() / 1000) + 1 });
}

describe('M1 who may connect', () => {
  beforeAll(fresh);

  const refused = (claims: Record<string, unknown>) => {
    const full = host.claims('eve', everyScope, claims);
    try {
      host.connect('e'.repeat(64), full);
    } catch (error) {
      return (error as Error).message.split(':')[0];
    }
    return 'connected';
  };

  test('a good token', () => {
    expect(refused({})).toBe('connected');
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'an anonymous visitor, with the token that the host made',
      { iss: 'localhost', aud: ['spacetimedb'] },
      'unauthorized',
    ],
    ['a token for another audience', { aud: ['spacetimedb'] }, 'unauthorized'],
    ['a token without expiry', { exp: undefined }, 'unauthorized'],
    ['an expired token', { exp: start / 1000 }, 'token_expired'],
    ['a token without scope', { scope: undefined }, 'unauthorized'],
  ])('not %s', (_name, claims, code) => {
    expect(refused(claims)).toBe(code);
  });

  test('not without a token', () => {
    expect(() => host.connect('e'.repeat(64), undefined)).toThrow(/unauthorized/);
  });

  test('the owner always, but only to configure', async () => {
    const owner = host.owner();
    expect(owner.call('configure', { issuer, audience })).toBe('done');
    expect(owner.append(stream, 'k2')).toBe('unauthorized');
    expect((await owner.open(stream)).status).toBe('denied');
  });

  test('before the module is configured nobody but the owner', async () => {
    const fresh = await Host.open({ configured: false });
    expect(() => fresh.client('admin')).toThrow(/unauthorized/);
    expect(fresh.owner().call('configure', { issuer, audience })).toBe('done');
    expect(fresh.client('admin').append(stream, 'k')).toBe('done');
  });
});

describe('M1 configure', () => {
  beforeEach(fresh);

  test('is for the owner alone, and an issuer is never replaced', () => {
    expect(admin.call('configure', { issuer, audience: 'mine' })).toBe('forbidden');
    const owner = host.owner();
    expect(owner.call('configure', { issuer: 'https://other.test', audience })).toBe('invalid_request');
    expect(owner.call('configure', { issuer: '', audience })).toBe('invalid_request');
    expect(owner.call('configure', { issuer, audience: 'next' })).toBe('done');
    // The tokens of the old audience are refused from here on, on open connections too.
    expect(admin.append(stream, 'k2')).toBe('unauthorized');
  });
});

describe('M1 every reducer denies by default', () => {
  // A call that is refused leaves nothing behind, so one host does for all of them.
  beforeAll(fresh);

  const id = () => admin.id;
  const calls: [string, string, () => Record<string, unknown>][] = [
    [
      'create_stream',
      'sync.admin',
      () => ({ stream_id: 'runtime.new', stream_class: 'c', fanout: 'inbox', epoch: '' }),
    ],
    ['retire_stream', 'sync.admin', () => ({ stream_id: stream })],
    ['apply_retention', 'sync.admin', () => ({ stream_id: stream, keep_from: 1n })],
    [
      'ack_checkpoint',
      'sync.checkpoint.write',
      () => ({ client_id: 'c', stream_id: stream, epoch: '', seq: 0n, chain: '' }),
    ],
    [
      'upsert_presence',
      'sync.presence',
      () => ({ session_id: 's', stream_id: stream, status: 'on', detail: '{}', ttl_seconds: 30 }),
    ],
    ['heartbeat', 'sync.presence', () => ({ session_id: 's' })],
    ['clear_presence', 'sync.presence', () => ({ session_id: 's' })],
    ['signal_progress', 'sync.append', () => ({ stream_id: stream, payload: '{}' })],
    ['publish_provider_capability', 'sync.compute', () => ({ capability: 'c', detail: '{}', ttl_seconds: 30 })],
    [
      'open_compute_assignment',
      'sync.compute',
      () => ({ assignment_id: 'a', provider: id(), stream_id: stream, detail: '{}' }),
    ],
    [
      'update_compute_assignment',
      'sync.compute',
      () => ({ assignment_id: 'a', expected_version: 1n, status: 'done', detail: '{}' }),
    ],
    ['enqueue_bridge_event', 'sync.bridge', () => ({ event_id: 'e', transport: 't', payload: '1', payload_hash: '' })],
    ['mark_bridge_event_sent', 'sync.bridge', () => ({ event_id: 'e', receipt: '' })],
    ['refuse_bridge_event', 'sync.bridge', () => ({ event_id: 'e', reason: '' })],
    ['bind_nostr_key', 'sync.admin', () => ({ identity: id(), pubkey: 'a'.repeat(64), proof: 'b'.repeat(64) })],
    ['unbind_nostr_key', 'sync.admin', () => ({ identity: id(), pubkey: 'a'.repeat(64) })],
    ['unwatch', 'sync.subscribe', () => ({ stream_id: stream })],
    ['renew_watches', 'sync.subscribe', () => ({})],
    ['grant_stream', 'sync.admin', () => ({ identity: id(), stream_id: stream, role: 'admin', expires_at: undefined })],
    ['revoke_stream', 'sync.admin', () => ({ identity: id(), stream_id: stream })],
    [
      'append_sync_event',
      'sync.append',
      () => ({
        stream_id: stream,
        kind: 'k',
        payload: '1',
        payload_hash: '',
        idempotency_key: 'i',
        expected_next_seq: undefined,
      }),
    ],
  ];

  test.each(calls)('%s without %s is forbidden', (name, scope, args) => {
    const others = everyScope.replace(scope, '').trim();
    const lacking = host.client('lacking', others);
    expect(lacking.call(name, args())).toBe('forbidden');
  });

  test.each(calls)('%s with a token that ran out is refused', (name, _scope, args) => {
    const client = shortLived('late', everyScope);
    host.ports.advance(1_000);
    expect(client.call(name, args())).toBe('token_expired');
  });

  test('no reducer of the module is missing in the list', () => {
    const listed = new Set(calls.map(([name]) => name));
    const callable = [...host.db.definition.reducers.values()]
      .filter((reducer) => reducer.visibility === 'client-callable' && reducer.name !== 'configure')
      .map((reducer) => reducer.name);
    expect(callable.filter((name) => !listed.has(name))).toEqual([]);
    expect(callable.length).toBe(calls.length);
  });

  test('lifecycle and scheduled reducers are not callable', () => {
    for (const name of ['init', 'client_connected', 'client_disconnected', 'sweep_expired']) {
      expect(host.db.definition.reducers.get(name)?.visibility).toBe('private');
    }
  });

  test('all scopes but no grant: nothing of a stream can be read or reported', async () => {
    const stranger = host.client('stranger', everyScope.replace('sync.admin', ''));
    expect((await stranger.open(stream)).status).toBe('denied');
    expect((await stranger.page(stream)).status).toBe('denied');
    expect((await stranger.page('runtime.none')).status).toBe('denied');
    expect(await stranger.procedure('read_heads', {})).toEqual([]);
    expect(stranger.append(stream, 'k')).toBe('forbidden');
    expect(stranger.append('runtime.none', 'k')).toBe('forbidden');
    expect(stranger.call('signal_progress', { stream_id: stream, payload: '1' })).toBe('forbidden');
    expect(stranger.grant(stranger, stream)).toBe('forbidden');
    const mine = { session_id: 's', stream_id: stream, status: 'on', detail: '{}', ttl_seconds: 30 };
    expect(stranger.call('upsert_presence', mine)).toBe('forbidden');
    const checkpoint = { client_id: 'c', stream_id: stream, epoch: '', seq: 0n, chain: '' };
    expect(stranger.call('ack_checkpoint', checkpoint)).toBe('forbidden');
    const work = { assignment_id: 'a', provider: admin.id, stream_id: stream, detail: '{}' };
    expect(stranger.call('open_compute_assignment', work)).toBe('forbidden');
    expect(host.rows('stream_watch')).toEqual([]);
  });
});

describe('M1 procedures', () => {
  beforeEach(fresh);

  test('need the scope, the grant and a live token', async () => {
    const reader = shortLived('reader', readerScope);
    expect(admin.grant(reader, stream)).toBe('done');
    const unscoped = host.client('reader', 'sync.append');
    expect((await unscoped.open(stream)).status).toBe('denied');
    await expect(unscoped.procedure('read_heads', {})).rejects.toThrow();
    expect((await reader.open(stream)).status).toBe('ok');
    host.ports.advance(1_000);
    const late = await reader.open(stream);
    expect(late).toMatchObject({ status: 'token_expired', rows: [], epoch: '', head: 0n, head_chain: '' });
    await expect(reader.procedure('read_heads', {})).rejects.toThrow();
  });

  test('a grant that ran out counts as none, before the sweep and after', async () => {
    const reader = host.client('reader', readerScope);
    expect(admin.grant(reader, stream, 'reader', new Timestamp(BigInt(start + 3_000) * 1000n))).toBe('done');
    expect((await reader.open(stream)).status).toBe('ok');
    host.ports.advance(3_000);
    expect((await reader.open(stream)).status).toBe('denied');
    expect(admin.append(stream, 'k2')).toBe('done');
    expect(reader.inbox()).toEqual([]);
    expect(host.rows('stream_grant')).toHaveLength(1);
    host.ports.advance(20_000);
    expect(host.rows('stream_grant')).toEqual([]);
    expect(host.rows('stream_watch')).toEqual([]);
    expect(host.events('stream_notice', reader)).toMatchObject([
      { notice: 'revoked', detail: 'expired', stream_id: stream },
    ]);
  });
});

describe('M1 roles', () => {
  beforeEach(fresh);

  test('each includes those before it', () => {
    const scope = 'sync.append sync.checkpoint.write';
    const [reader, writer, steward] = ['reader', 'writer', 'steward'].map((name) => host.client(name, scope)) as [
      Client,
      Client,
      Client,
    ];
    expect(admin.grant(reader, stream, 'reader')).toBe('done');
    expect(admin.grant(writer, stream, 'writer')).toBe('done');
    expect(admin.grant(steward, stream, 'admin')).toBe('done');
    expect(reader.append(stream, 'r')).toBe('forbidden');
    expect(writer.append(stream, 'w')).toBe('done');
    expect(steward.append(stream, 's')).toBe('done');
    expect(writer.grant(reader, stream, 'writer')).toBe('forbidden');
    expect(steward.grant(reader, stream, 'writer')).toBe('done');
    expect(reader.append(stream, 'r')).toBe('done');
    // An admin grant is for its own stream, and no scope.
    expect(steward.grant(reader, 'runtime.other', 'reader')).toBe('forbidden');
    expect(steward.call('retire_stream', { stream_id: stream })).toBe('forbidden');
  });

  test('unknown roles and past expiries are refused', () => {
    const reader = host.client('reader', readerScope);
    expect(admin.grant(reader, stream, 'owner')).toBe('invalid_request');
    expect(admin.grant(reader, stream, 'reader', new Timestamp(BigInt(start) * 1000n))).toBe('invalid_request');
    expect(admin.grant(reader, 'no stream id')).toBe('invalid_stream_id');
    expect(host.rows('stream_grant')).toEqual([]);
  });

  test('a second grant replaces the first', () => {
    const reader = host.client('reader', readerScope);
    expect(admin.grant(reader, stream, 'admin')).toBe('done');
    expect(admin.grant(reader, stream, 'reader')).toBe('done');
    expect(host.rows('stream_grant')).toMatchObject([{ role: 'reader' }]);
  });
});

describe('grants', () => {
  let reader: Client;

  beforeEach(async () => {
    host = await Host.open();
    admin = host.client('admin');
    reader = host.client('reader', readerScope);
    for (let index = 1; index <= 4; index += 1) admin.append(stream, `k${index}`);
    admin.grant(reader, stream);
  });

  describe('M8 revocation', () => {
    test('between two pages ends the reading and the live rows in its own transaction', async () => {
      const other = host.client('other', readerScope);
      admin.grant(other, stream);
      await other.open(stream);
      const page = await reader.open(stream, '', 0n, 2);
      expect(page.more).toBe(true);
      expect(admin.call('revoke_stream', { identity: reader.id, stream_id: stream })).toBe('done');
      expect(await reader.page(stream, page.epoch, 2n)).toMatchObject({
        status: 'denied',
        rows: [],
        head: 0n,
        epoch: '',
      });
      admin.append(stream, 'k5');
      expect(reader.inbox()).toEqual([]);
      expect(other.inbox()).toMatchObject([{ seq: 5n }]);
      expect(host.events('stream_notice')).toMatchObject([{ notice: 'revoked', detail: 'revoked', stream_id: stream }]);
      expect(host.events('stream_notice', reader)).toHaveLength(1);
      expect(host.rows('stream_watch')).toHaveLength(1);
    });

    test('twice is once, and a new grant does not bring the watch back', async () => {
      await reader.open(stream);
      for (let round = 0; round < 2; round += 1) {
        expect(admin.call('revoke_stream', { identity: reader.id, stream_id: stream })).toBe('done');
      }
      expect(host.events('stream_notice', reader)).toHaveLength(1);
      admin.grant(reader, stream);
      admin.append(stream, 'k5');
      expect(reader.inbox()).toEqual([]);
      expect((await reader.open(stream)).rows).toHaveLength(5);
    });

    test('ends the presence of who lost the grant', () => {
      const presence = { session_id: 's', stream_id: stream, status: 'on', detail: '{}', ttl_seconds: 60 };
      expect(reader.call('upsert_presence', presence)).toBe('done');
      admin.call('revoke_stream', { identity: reader.id, stream_id: stream });
      expect(host.rows('session_presence')).toEqual([]);
      expect(reader.call('upsert_presence', presence)).toBe('forbidden');
    });

    test('renewing drops a watch without a grant', async () => {
      await reader.open(stream);
      expect(reader.call('renew_watches', {})).toBe('done');
      expect(host.rows('stream_watch')).toHaveLength(1);
    });
  });

  describe('M1 views', () => {
    test('show a sender the grants it holds, and nobody else', () => {
      const other = host.client('other', readerScope);
      admin.grant(reader, 'runtime.run.2', 'writer');
      expect(
        host
          .view('my_streams', reader)
          .map(({ stream_id, role }) => [stream_id, role])
          .sort(),
      ).toEqual([
        [stream, 'reader'],
        ['runtime.run.2', 'writer'],
      ]);
      expect(host.view('my_streams', other)).toEqual([]);
      admin.call('revoke_stream', { identity: reader.id, stream_id: stream });
      expect(host.view('my_streams', reader)).toMatchObject([{ stream_id: 'runtime.run.2' }]);
    });

    test('no table is public but the one for public streams, and every event table but the bell has one rule on its recipient', () => {
      const tables = [...host.db.definition.tables.values()].filter((table) => table.kind === 'table');
      const open = tables.filter((table) => table.isPublic);
      const names = ['append_receipt', 'bell', 'live_inbox', 'stream_notice', 'transient_signal'];
      expect(open.filter((table) => table.isEvent).map((table) => table.name)).toEqual(expect.arrayContaining(names));
      expect(open.map((table) => table.name).sort()).toEqual([...names, 'public_event'].sort());
      expect([...host.db.definition.rowLevelSecurity].sort()).toEqual(
        names.filter((name) => name !== 'bell').map((name) => `SELECT * FROM ${name} WHERE recipient = :sender`),
      );
    });
  });
});
