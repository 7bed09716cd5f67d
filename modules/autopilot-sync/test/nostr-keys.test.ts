import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host, hex, readerScope } from './support/host.ts';

const key = (digit: string) => digit.repeat(64);
let host: Host;
let admin: Client;
let ada: Client;
let bob: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  ada = host.client('ada', readerScope);
  bob = host.client('bob', readerScope);
});

const bind = (to: Client, pubkey: string, proof = key('f')) =>
  admin.call('bind_nostr_key', { identity: to.id, pubkey, proof });
const unbind = (from: Client, pubkey: string) => admin.call('unbind_nostr_key', { identity: from.id, pubkey });
const mine = (client: Client) =>
  host
    .view('my_nostr_keys', client)
    .map(({ pubkey }) => pubkey)
    .sort();

describe('M17 Nostr keys', () => {
  test('a key is bound once: again it stays as it is, and to nobody else', () => {
    expect(bind(ada, key('a'))).toBe('done');
    const before = host.rows('nostr_binding');
    expect(before).toMatchObject([{ pubkey: key('a'), proof: key('f') }]);
    expect(hex(before[0]?.identity)).toBe(ada.identity);
    host.ports.advance(5_000);
    expect(bind(ada, key('a'), key('e'))).toBe('done');
    expect(bind(bob, key('a'))).toBe('conflict');
    expect(host.rows('nostr_binding')).toEqual(before);
  });

  test('a key is taken from its identity alone, and may then be bound to another', () => {
    bind(ada, key('a'));
    expect(unbind(bob, key('a'))).toBe('forbidden');
    expect(mine(ada)).toEqual([key('a')]);
    for (let round = 0; round < 2; round += 1) expect(unbind(ada, key('a'))).toBe('done');
    expect(mine(ada)).toEqual([]);
    expect(bind(bob, key('a'))).toBe('done');
    expect(mine(bob)).toEqual([key('a')]);
  });

  test('an identity has at most eight', () => {
    for (const digit of '01234567') expect(bind(ada, key(digit))).toBe('done');
    expect(bind(ada, key('8'))).toBe('rate_limited');
    expect(bind(ada, key('0'))).toBe('done');
    expect(bind(bob, key('8'))).toBe('done');
    unbind(ada, key('0'));
    expect(bind(ada, key('9'))).toBe('done');
    expect(host.rows('nostr_binding')).toHaveLength(9);
  });

  test.each(['', 'a'.repeat(63), 'A'.repeat(64), `npub1${'q'.repeat(58)}`, `${'a'.repeat(64)}\n`])(
    '%j is no key and no proof',
    (text) => {
      expect(bind(ada, text)).toBe('invalid_request');
      expect(bind(ada, key('a'), text)).toBe('invalid_request');
      expect(unbind(ada, text)).toBe('invalid_request');
      expect(host.rows('nostr_binding')).toEqual([]);
    },
  );
});

describe('M18 the views of Nostr keys', () => {
  test('each sees its own, and holders of the grant on bridge.outbox whose each is', () => {
    bind(ada, key('a'));
    bind(ada, key('b'));
    bind(bob, key('c'));
    expect(mine(ada)).toEqual([key('a'), key('b')]);
    expect(Object.keys(host.view('my_nostr_keys', ada)[0] ?? {})).toEqual(['pubkey', 'bound_at', 'proof']);
    expect(mine(admin)).toEqual([]);
    const bridge = host.client('bridge', 'sync.bridge');
    for (const client of [ada, admin, bridge, host.owner()]) expect(host.view('nostr_keys', client)).toEqual([]);
    admin.grant(bridge, 'runtime.run.1');
    expect(host.view('nostr_keys', bridge)).toEqual([]);
    admin.grant(bridge, 'bridge.outbox');
    const shown = host.view('nostr_keys', bridge).map(({ pubkey, identity }) => [pubkey, hex(identity)]);
    expect(shown.sort()).toEqual([
      [key('a'), ada.identity],
      [key('b'), ada.identity],
      [key('c'), bob.identity],
    ]);
    unbind(ada, key('b'));
    expect(host.view('nostr_keys', bridge)).toHaveLength(2);
    admin.call('revoke_stream', { identity: bridge.id, stream_id: 'bridge.outbox' });
    expect(host.view('nostr_keys', bridge)).toEqual([]);
  });
});

describe('M19 who is present by Nostr key', () => {
  const stream = 'runtime.run.1';
  const appear = (client: Client, session_id: string, on = stream) =>
    client.call('upsert_presence', { session_id, stream_id: on, status: 'here', detail: '{}', ttl_seconds: 30 });
  const present = (client: Client) =>
    host
      .view('stream_nostr_presence', client)
      .map(({ stream_id, pubkey, identity }) => [stream_id, pubkey, hex(identity)])
      .sort();

  beforeEach(() => {
    admin.append(stream, 'k1');
    for (const client of [ada, bob]) admin.grant(client, stream);
  });

  test('an identity counts once, whatever the number of its devices, sessions and keys', () => {
    bind(ada, key('b'));
    host.ports.advance(1_000);
    bind(ada, key('a'));
    const second = host.client('ada', readerScope);
    for (const [client, session] of [
      [ada, 's1'],
      [ada, 's2'],
      [second, 's3'],
    ] as const) {
      expect(appear(client, session)).toBe('done');
    }
    expect(host.view('stream_presence', bob)).toHaveLength(3);
    expect(present(bob)).toEqual([[stream, key('b'), ada.identity]]);
    ada.disconnect();
    expect(present(bob)).toEqual([[stream, key('b'), ada.identity]]);
    second.disconnect();
    expect(present(bob)).toEqual([]);
  });

  test('two keys of one moment are told apart by the key', () => {
    for (const digit of 'cab') bind(ada, key(digit));
    appear(ada, 's1');
    expect(present(bob)).toEqual([[stream, key('a'), ada.identity]]);
  });

  test('who has no key is not counted, and who binds or releases one is from then on, or no longer', () => {
    appear(ada, 's1');
    appear(bob, 's1');
    expect(present(bob)).toEqual([]);
    bind(bob, key('b'));
    bind(ada, key('a'));
    expect(present(bob)).toEqual([
      [stream, key('a'), ada.identity],
      [stream, key('b'), bob.identity],
    ]);
    unbind(ada, key('a'));
    expect(present(bob)).toEqual([[stream, key('b'), bob.identity]]);
  });

  test('goes with the time of the presence, and is shown for streams of a grant only', () => {
    bind(ada, key('a'));
    admin.append('runtime.run.2', 'k1');
    admin.grant(ada, 'runtime.run.2');
    appear(ada, 's1');
    appear(ada, 's2', 'runtime.run.2');
    expect(present(bob)).toEqual([[stream, key('a'), ada.identity]]);
    expect(present(ada)).toHaveLength(2);
    expect(present(host.client('stranger', readerScope))).toEqual([]);
    ada.call('clear_presence', { session_id: 's1' });
    expect(present(bob)).toEqual([]);
    expect(present(ada)).toEqual([['runtime.run.2', key('a'), ada.identity]]);
    host.ports.advance(40_000);
    expect(present(ada)).toEqual([]);
  });
});
