import { afterEach, describe, expect, test } from '@jest/globals';
import { finalizeEvent, generateSecretKey, verifyEvent } from 'nostr-tools/pure';
import { type Hostility, startHostileRelay } from '../../src/nostr/index.ts';
import { waitFor } from '../../src/wait-for.ts';
import { connect } from './client.ts';

const event = JSON.parse(
  JSON.stringify(finalizeEvent({ kind: 1, created_at: 1_800_000_000, tags: [], content: 'one' }, generateSecretKey())),
);
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
async function start(hostility: Hostility) {
  const relay = await startHostileRelay(hostility);
  opened.push(relay);
  const client = await connect(relay.url);
  opened.push(client);
  return { relay, client };
}

describe('a hostile relay', () => {
  test('hangs: it takes frames and says nothing; then it may be another one', async () => {
    const { relay, client } = await start({ type: 'hanging' });
    client.send('EVENT', event);
    await waitFor(() => relay.frames.length === 1, { describe: 'the frame' });
    expect(client.texts).toEqual([]);
    relay.hostility = { type: 'answering', accepted: false, message: 'blocked: no' };
    client.send('EVENT', event);
    // The first answer is that to the second frame.
    expect(await client.frame('OK')).toEqual(['OK', event.id, false, 'blocked: no']);
  });

  test('refuses and closes', async () => {
    const { relay, client } = await start({ type: 'refusing', status: 503 });
    expect(client.closed.code).toBe(1006);
    relay.hostility = { type: 'closing', code: 4000 };
    const second = await connect(relay.url);
    second.send('REQ', 's', {});
    await waitFor(() => second.closed.code === 4000, { describe: 'the close' });
    expect(relay.counts.opened).toBe(1);
  });

  test('lies, and sends frames that are none', async () => {
    const { relay, client } = await start({ type: 'lying' });
    client.send('EVENT', event);
    await client.frame('CLOSED', 'nobody');
    expect(client.frames.some(([, id]) => id === event.id)).toBe(false);
    relay.hostility = { type: 'malformed' };
    client.send('REQ', 's', {});
    await waitFor(() => client.texts.includes('[['), { describe: 'malformed frames' });
    expect(client.texts.length).toBeGreaterThan(10);
  });

  test('forges events so that none of them verifies, and repeats good ones', async () => {
    const { relay, client } = await start({ type: 'forging', events: [event] });
    client.send('REQ', 's', {});
    await client.frame('EOSE', 's');
    const forged = client.frames.filter(([type]) => type === 'EVENT').map(([, , one]) => one as typeof event);
    expect(forged.map((one) => verifyEvent(one))).toEqual([false, false, false]);
    expect(forged[0].id).toBe(event.id);
    relay.hostility = { type: 'repeating', events: [event], times: 3 };
    client.send('REQ', 't', {});
    await client.frame('EOSE', 't');
    expect(client.frames.filter(([type, id]) => type === 'EVENT' && id === 't')).toHaveLength(3);
  });

  test('floods until the connection is gone', async () => {
    const { relay, client } = await start({ type: 'flooding', events: [event] });
    client.send('REQ', 's', {});
    await waitFor(() => client.frames.length > 1000, { describe: 'a flood' });
    client.close();
    await waitFor(() => relay.connections === 0, { describe: 'the end' });
    const { sent } = relay.counts;
    // Two turns of the loop later nothing more has been sent.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(relay.counts.sent).toBe(sent);
  });

  test('challenges without end, and sends what is too large', async () => {
    const { relay, client } = await start({ type: 'challenging', burst: 5 });
    client.send('EVENT', event);
    await client.frame('OK', event.id, false);
    const challenges = client.frames.filter(([type]) => type === 'AUTH').map(([, text]) => text);
    expect(new Set(challenges).size).toBe(5);
    relay.hostility = { type: 'oversized', bytes: 100_000 };
    client.send('REQ', 's', {});
    const [, text] = await client.frame('NOTICE');
    expect(String(text)).toHaveLength(100_000);
  });
});
