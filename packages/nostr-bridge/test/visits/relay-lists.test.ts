import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { Inbound, type RelaySubscription, SeenSet, secretKeySigner } from '../../src/index.ts';
import { RelayLists } from '../../src/visits/relay-lists.ts';
import { withFile } from '../support/bridge-file.ts';
import { alice, bob, keyOf, second, sign } from '../support/events.ts';

function make(urls = ['wss://one', 'wss://two'], maxLists = 1_000) {
  const ports = manualPorts({ start: second * 1000 });
  const open = new Map<string, RelaySubscription>();
  const asked: (readonly string[] | undefined)[] = [];
  const offered: unknown[] = [];
  const relays = urls.map((url) => ({
    url,
    subscribe: (subscription: RelaySubscription) => {
      open.set(url, subscription);
      asked.push(subscription.filters()[0]?.authors);
      return () => void open.delete(url);
    },
  }));
  const inbound = { offer: (...given: unknown[]) => offered.push(given) > 0 };
  return { ports, open, asked, offered, lists: new RelayLists({ ports, inbound, relays, maxLists }) };
}

const list = (created_at: number, url: string, signer = alice) =>
  sign({ kind: 10_002, created_at, tags: [['r', url]] }, signer);

describe('relay lists of customers', () => {
  test('V6 a list is asked for once, together with others, at every relay, and let go at the end of what is stored', async () => {
    const { ports, open, asked, offered, lists } = make();
    for (const pubkey of [alice.pubkey, bob.pubkey, alice.pubkey]) lists.want(pubkey);
    await ports.advanceAsync(0);
    expect(asked).toEqual(Array(2).fill([alice.pubkey, bob.pubkey]));
    open.get('wss://one')?.event('what it says', 12);
    expect(offered).toEqual([
      ['wss://one', 'what it says', 12, [{ kinds: [10_002], authors: [alice.pubkey, bob.pubkey] }]],
    ]);
    for (const subscription of [...open.values()]) subscription.eose();
    expect(open.size).toBe(0);
    lists.want(alice.pubkey);
    await ports.advanceAsync(60_000);
    expect([asked.length, ports.pending]).toEqual([2, 0]);
    await ports.advanceAsync(3_600_000);
    lists.want(alice.pubkey);
    await ports.advanceAsync(0);
    expect(asked.length).toBe(4);
    lists.stop();
    expect([open.size, ports.pending]).toEqual([0, 0]);
  });

  test('V6 the newest counts, in whichever order they come, and of two of one second that with the lower id', () => {
    const { ports, lists } = make();
    lists.take(list(second, 'wss://unasked.example'));
    lists.want(alice.pubkey);
    ports.advance(0);
    expect(lists.readRelays(alice.pubkey)).toEqual([]);
    lists.take(list(second, 'wss://old.example'));
    lists.take(list(second + 9, 'wss://new.example'));
    lists.take(list(second + 1, 'wss://late.example'));
    expect(lists.readRelays(alice.pubkey)).toEqual(['wss://new.example']);
    const twins = ['a', 'b', 'c', 'd'].map((name) => list(second + 20, `wss://${name}.example`));
    twins.sort((a, b) => (a.id < b.id ? -1 : 1));
    const [lowest] = twins;
    for (const twin of [...twins].reverse().concat(twins)) lists.take(twin);
    expect(lists.readRelays(alice.pubkey)).toEqual([lowest?.tags[0]?.[1]]);
  });

  test('V6 a relay that says nothing, or refuses, does not keep others from being asked for', async () => {
    const { ports, open, asked, lists } = make();
    const keys = Array.from({ length: 150 }, (_, n) => `${n}`.padStart(64, '0'));
    for (const key of keys) lists.want(key);
    await ports.advanceAsync(0);
    open.get('wss://one')?.closed({ outcome: 'retry', reason: 'error', message: '' });
    open.get('wss://one')?.closed({ outcome: 'rejected', reason: 'blocked', message: '' });
    await ports.advanceAsync(9_000);
    expect(asked.map((authors) => authors?.length)).toEqual([100, 100]);
    await ports.advanceAsync(1_000);
    expect(asked.map((authors) => authors?.length)).toEqual([100, 100, 50, 50]);
    for (const subscription of [...open.values()])
      subscription.closed({ outcome: 'rejected', reason: 'blocked', message: '' });
    expect(ports.pending).toBe(0);
  });

  test('V6 as many are remembered as are allowed', async () => {
    const { ports, open, lists } = make(['wss://one'], 2);
    for (const name of ['a', 'b', 'c']) {
      const signer = secretKeySigner(keyOf(name), ports.random);
      lists.want(signer.pubkey);
      await ports.advanceAsync(0);
      open.get('wss://one')?.eose();
      lists.take(list(second, `wss://${name}.example`, signer));
    }
    const read = ['a', 'b', 'c'].map((name) => lists.readRelays(secretKeySigner(keyOf(name), ports.random).pubkey));
    expect(read).toEqual([[], ['wss://b.example'], ['wss://c.example']]);
  });

  test('I4 V6 a list is verified as everything is, and may be taken again, however old it is', () =>
    withFile(async (file) => {
      const ports = manualPorts({ start: second * 1000 });
      const taken: string[] = [];
      const seen = new SeenSet(file, 1_000);
      file.sqlite.exec(`insert into settings values ('seen_floor_hour', ${second / 3_600})`);
      seen.reload();
      const inbound = new Inbound({
        file,
        ports,
        verifier: {
          parallel: 1,
          verify: async (events) => events.map(({ sig }) => !sig.startsWith('00')),
          close: async () => {},
        },
        seen,
        accept: ({ id }) => void taken.push(id),
        isOnce: ({ kind }) => kind !== 10_002,
      });
      const old = list(second - 9e7, 'wss://old.example');
      const forged = { ...list(second, 'wss://forged.example'), sig: '0'.repeat(128) };
      for (const event of [old, forged, old]) inbound.offer('r', event, 500, [{ kinds: [10_002] }]);
      inbound.offer('r', sign({ created_at: second - 9e7 }), 500, [{}]);
      await ports.advanceAsync(0);
      expect([taken, seen.size]).toEqual([[old.id, old.id], 0]);
      expect(inbound.counters).toMatchObject({ accepted: 2, 'wrong-signature': 1, 'too-old': 1 });
    }));
});
