import { describe, expect, test } from '@jest/globals';
import { publicLookup, type ResolveName } from '../../src/relay/public-lookup.ts';

function look(resolve: ResolveName, all: boolean): Promise<unknown> {
  return new Promise((settle) => {
    publicLookup(resolve)('relay.example', { all }, (error, address, family) => {
      settle(error === null ? (all ? address : [address, family]) : error.message);
    });
  });
}

describe('the lookup of public relays', () => {
  test('V2 gives public addresses only, also of a name that leads to both', async () => {
    const resolve = async () => ['127.0.0.1', '9.9.9.9', '::1', '2620:fe::fe', '10.0.0.1'];
    expect(await look(resolve, true)).toEqual([
      { address: '9.9.9.9', family: 4 },
      { address: '2620:fe::fe', family: 6 },
    ]);
    expect(await look(resolve, false)).toEqual(['9.9.9.9', 4]);
  });

  test.each<[string, ResolveName]>([
    ['that leads to this machine', async () => ['127.0.0.1']],
    ['that leads nowhere', async () => []],
    [
      'of a server that fails',
      async () => {
        throw new Error('SERVFAIL');
      },
    ],
  ])('V2 gives nothing of a name %s', async (_what, resolve) => {
    for (const all of [true, false]) expect(await look(resolve, all)).toBe('relay.example has no public address.');
  });
});
