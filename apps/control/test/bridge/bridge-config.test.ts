import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { isCodedError } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { readBridgeConfig } from '../../src/bridge/bridge-config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const good = { relays: ['wss://relay.example'], secret_key_file: 'nostr.key' };
const key = '0f'.repeat(32);

function read(config: unknown, secret: string | undefined = key) {
  const folder = temporaryFolder();
  const file = path.join(folder, 'bridge.json');
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  if (secret !== '') writeFileSync(path.join(folder, 'nostr.key'), `${secret}\n`);
  return readBridgeConfig(file);
}

describe('the configuration of the bridge', () => {
  test('is read, with its key beside it', () => {
    expect(read({ ...good, kinds: [5_050] })).toEqual({
      relays: ['wss://relay.example'],
      kinds: [5_050],
      secretKey: Buffer.from(key, 'hex'),
    });
    expect(read(good).kinds).toEqual([]);
    expect(read({ ...good, processor_share: 0.5 }).processor_share).toBe(0.5);
  });

  test.each<[string, unknown, string | undefined, string]>([
    ['no JSON', 'relays:', undefined, 'is not JSON'],
    ['no relay', { ...good, relays: [] }, undefined, 'relays'],
    ['no address', { ...good, relays: ['https://relay.example'] }, undefined, 'relays.0: must be a ws:// or wss://'],
    ['a kind that is no request', { ...good, kinds: [6_050] }, undefined, 'kinds.0'],
    ['a quorum that is none', { ...good, quorum: { type: 'most' } }, undefined, 'quorum'],
    ['no share of the processor', { ...good, processor_share: 0 }, undefined, 'processor_share'],
    ['more than one processor', { ...good, processor_share: 2 }, undefined, 'processor_share'],
    ['a member that nobody knows', { ...good, relais: [] }, undefined, 'relais'],
    ['no key file', good, '', 'cannot be read (ENOENT)'],
    ['a key that is none', good, `${key}00`, '64 lowercase hex digits'],
    ['an nsec', good, 'nsec1qqqq', '64 lowercase hex digits'],
  ])('with %s is refused, and never shows a key', (_what, config, secret, message) => {
    let error: unknown;
    try {
      read(config, secret);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'bridge_config_invalid', message: expect.stringContaining(message) });
    expect(isCodedError(error) && error.next).toContain('README');
    if (secret !== undefined && secret !== '') expect(String(error)).not.toContain(secret);
  });
});
