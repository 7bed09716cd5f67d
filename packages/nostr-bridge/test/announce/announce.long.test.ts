// Announcements of a bridge in a real process, at a real relay that replaces and deletes.
import path from 'node:path';
import { type Relay, startRelay } from '@autopilot/testing/nostr';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { emptyJournal } from '../../src/index.ts';
import { withFolder } from '../support/bridge-file.ts';
import { bridgeProcess, closeBridges, until } from '../support/bridge-processes.ts';
import { bob, keyOf } from '../support/events.ts';

jest.setTimeout(60_000);
let relay: Relay;
beforeEach(async () => {
  relay = await startRelay();
});
afterEach(async () => {
  await closeBridges();
  await relay.close();
});

test('A2 A3 A5 every change reaches the relay, over processes that die, and the last one stays', () =>
  withFolder(async (folder) => {
    const backoff = { floorMs: 5, baseMs: 10, capMs: 50 };
    const settings = { file: path.join(folder, 'bridge.sqlite'), relays: [relay.url], relay: { backoff } };
    const open = (fault: 'none' | 'dies later') => {
      const supervised = bridgeProcess({ settings, secretKey: keyOf('bob'), fault }, emptyJournal);
      supervised.start();
      return supervised;
    };
    const announced = () => relay.stored().filter(({ kind, pubkey }) => kind === 31_990 && pubkey === bob.pubkey);
    const kinds = () => announced().map(({ tags }) => tags.filter(([name]) => name === 'k').map(([, kind]) => kind));

    const dying = open('dies later');
    await until(() => dying.status().state === 'running');
    // Whether this process still does it or a later one: it is said once here.
    await dying.announce({ id: 'desk', kinds: [5_050], profile: { name: 'Bob' } }).catch(() => {});
    await until(() => dying.status().starts >= 3);
    await until(() => kinds().length === 1);
    await dying.close();

    const supervised = open('none');
    await until(() => supervised.status().state === 'running');
    await expect(supervised.announce({ id: 'desk', kinds: [] })).rejects.toMatchObject({ code: 'invalid_option' });
    for (const kind of [5_050, 5_051, 5_052])
      await supervised.announce({ id: 'desk', kinds: [kind], profile: { name: 'Bob' } });
    await until(() => JSON.stringify(kinds()) === '[["5052"]]');
    await supervised.announce(undefined);
    const kept = () => supervised.status().bridge?.kept[0];
    await until(() => kept()?.state === 'withdrawn');
    const deletion = kept();
    // This relay takes a deletion, and keeps none.
    await until(() => relay.received.has(deletion?.event_id ?? ''));
    // Back again, after its deletion.
    await supervised.announce({ id: 'desk', kinds: [5_050] });
    await until(() => kinds().some(([kind]) => kind === '5050'));
    expect(Math.max(...announced().map(({ created_at }) => created_at))).toBeGreaterThan(deletion?.created_at ?? 0);
    await supervised.close();
  }));
