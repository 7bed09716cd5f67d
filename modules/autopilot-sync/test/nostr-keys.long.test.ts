import { expect, test } from '@jest/globals';
import { Host } from './support/host.ts';

test('M18 the list of all Nostr keys has at most 4,096', async () => {
  const host = await Host.open();
  const admin = host.client('admin');
  const bridge = host.client('bridge', 'sync.bridge');
  for (let owner = 0; owner < 513; owner += 1) {
    const identity = host.client(`owner${owner}`).id;
    for (let index = 0; index < 8; index += 1) {
      const pubkey = (owner * 8 + index).toString(16).padStart(64, '0');
      expect(admin.call('bind_nostr_key', { identity, pubkey, proof: 'f'.repeat(64) })).toBe('done');
    }
  }
  admin.grant(bridge, 'bridge.outbox');
  expect(host.rows('nostr_binding')).toHaveLength(4_104);
  expect(host.view('nostr_keys', bridge)).toHaveLength(4_096);
}, 30_000);
