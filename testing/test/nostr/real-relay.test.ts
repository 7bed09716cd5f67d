import { afterEach, describe, expect, test } from '@jest/globals';
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';
import { type Relay, type RelayOptions, startRelay } from '../../src/nostr/index.ts';
import { waitFor } from '../../src/wait-for.ts';
import { type Client, connect } from './client.ts';

const key = generateSecretKey();
const note = (content: string, changes = {}) =>
  JSON.parse(
    JSON.stringify(finalizeEvent({ kind: 1, created_at: 1_800_000_000, tags: [], content, ...changes }, key)),
  ) as ReturnType<typeof finalizeEvent>;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
async function start(options?: RelayOptions): Promise<{ relay: Relay; client: Client }> {
  const relay = await startRelay(options);
  opened.push(relay);
  const client = await connect(relay.url);
  opened.push(client);
  return { relay, client };
}

describe('a real relay', () => {
  test('keeps and gives events, refuses bad ids and signatures, and says so of duplicates', async () => {
    const { relay, client } = await start();
    const event = note('one');
    client.send('EVENT', event);
    expect(await client.frame('OK', event.id)).toEqual(['OK', event.id, true, '']);
    const forged = note('two');
    client.send('EVENT', { ...forged, sig: event.sig });
    expect((await client.frame('OK', forged.id))[3]).toMatch(/^invalid:/);
    const other = note('three');
    client.send('EVENT', { ...other, content: 'changed' });
    expect((await client.frame('OK', other.id))[2]).toBe(false);
    client.send('REQ', 's', { kinds: [1] });
    await client.frame('EOSE', 's');
    expect(client.frames.filter(([type]) => type === 'EVENT')).toEqual([['EVENT', 's', event]]);
    const live = note('live');
    client.send('EVENT', live);
    await client.frame('OK', live.id);
    await waitFor(
      () => client.frames.some(([type, , seen]) => type === 'EVENT' && (seen as typeof live).id === live.id),
      {
        describe: 'the live event',
      },
    );
    expect(relay.stored().map(({ id }) => id)).toEqual([event.id, live.id]);
    client.send('EVENT', event);
    await waitFor(() => relay.received.get(event.id) === 2, { describe: 'the second EVENT' });
  });

  test('deletes for the author only, and passes the deletion on', async () => {
    const { relay, client } = await start();
    const [mine, others] = [
      note('mine'),
      JSON.parse(
        JSON.stringify(
          finalizeEvent({ kind: 1, created_at: 1_800_000_000, tags: [], content: 'x' }, generateSecretKey()),
        ),
      ),
    ];
    for (const event of [mine, others]) {
      client.send('EVENT', event);
      await client.frame('OK', event.id);
    }
    client.send('REQ', 's', { kinds: [5] });
    await client.frame('EOSE', 's');
    const deletion = note('', { kind: 5, tags: [mine, others].map(({ id }) => ['e', id]) });
    client.send('EVENT', deletion);
    await client.frame('EVENT', 's');
    expect(relay.stored().map(({ id }) => id)).toEqual([others.id, deletion.id]);
  });

  test('takes what is forged as well when it trusts, and says so of duplicates', async () => {
    const { relay, client } = await start({ trusting: true });
    const forged = { ...note('one'), sig: note('two').sig };
    client.send('EVENT', forged);
    expect(await client.frame('OK', forged.id)).toEqual(['OK', forged.id, true, '']);
    client.send('EVENT', forged);
    client.send('REQ', 's', { kinds: [1] });
    await client.frame('EOSE', 's');
    expect(client.frames.filter(([type]) => type === 'OK')[1]?.[3]).toMatch(/^duplicate:/);
    expect(relay.stored()).toEqual([forged]);
  });

  test('never delivers what it accepted while it was serving a REQ', async () => {
    const { relay, client } = await start();
    let open = () => {};
    let waiting = false;
    relay.onFind(async () => {
      waiting = true;
      await new Promise<void>((resolve) => {
        open = resolve;
      });
    });
    client.send('REQ', 's', { kinds: [1] });
    await waitFor(() => waiting, { describe: 'the query' });
    const lost = note('between');
    client.send('EVENT', lost);
    await client.frame('OK', lost.id);
    open();
    await client.frame('EOSE', 's');
    const later = note('later');
    client.send('EVENT', later);
    await client.frame('OK', later.id);
    await client.frame('EVENT', 's');
    expect(client.frames.filter(([type]) => type === 'EVENT').map(([, , event]) => (event as typeof later).id)).toEqual(
      [later.id],
    );
  });

  test('insists on NIP-42 where it was told to', async () => {
    const { relay, client } = await start({ auth: true });
    const [, challenge] = (await client.frame('AUTH')) as [string, string];
    const event = note('one');
    client.send('EVENT', event);
    expect((await client.frame('OK', event.id))[3]).toMatch(/^auth-required:/);
    client.send('REQ', 's', {});
    expect((await client.frame('CLOSED', 's'))[2]).toMatch(/^auth-required:/);
    const answer = note('', {
      kind: 22242,
      created_at: Math.floor(Date.now() / 1000),
      tags: [
        ['relay', relay.url],
        ['challenge', challenge],
      ],
    });
    client.send('AUTH', answer);
    expect((await client.frame('OK', answer.id))[2]).toBe(true);
    client.send('EVENT', event);
    await waitFor(() => relay.stored().length === 1, { describe: 'the event' });
  });

  test('serves NIP-11, is cut, goes away, and comes back with what it kept', async () => {
    const information = { name: 'test', limitation: { max_message_length: 1000 } };
    const { relay, client } = await start({ information });
    const http = relay.url.replace('ws:', 'http:');
    expect(await (await fetch(http)).json()).toEqual(information);
    const event = note('one');
    client.send('EVENT', event);
    await client.frame('OK', event.id);
    relay.cut();
    await waitFor(() => client.closed.code === 1006, { describe: 'the cut' });
    await waitFor(() => relay.connections === 0, { describe: 'no connection' });
    await relay.stop();
    await expect(fetch(http)).rejects.toThrow();
    await relay.resume();
    const again = await connect(relay.url);
    opened.push(again);
    again.send('REQ', 's', {});
    expect((await again.frame('EVENT', 's'))[2]).toEqual(event);
  });
});
