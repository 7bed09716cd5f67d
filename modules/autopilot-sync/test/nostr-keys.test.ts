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
