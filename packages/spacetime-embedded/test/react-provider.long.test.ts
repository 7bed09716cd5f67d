import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@autopilot/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedHost, startEmbedded } from '../src/start-embedded.ts';
import { bundleFixture } from './support/bundle.ts';
import { Page } from './support/react-page.ts';

// The judge: the React provider from npm against the whole host, with a module of an application.

let module: Uint8Array;
let dataDir: string;
let host: EmbeddedHost;
let page: Page;
const errors: unknown[] = [];

beforeAll(async () => {
  module = await bundleFixture('chat');
});

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'embedded-react-'));
  host = await start('127.0.0.1:0');
  page = new Page(host.url, 'chat');
});

afterEach(async () => {
  await page.unmount();
  await host.close();
  rmSync(dataDir, { recursive: true });
  expect(errors).toEqual([]);
});

const start = (listen: string) =>
  startEmbedded({ module, database: 'chat', listen, dataDir, onError: (error) => errors.push(error) });

async function callHost(reducer: 'say' | 'unsay', text: string): Promise<void> {
  const response = await fetch(`${host.url}/v1/database/chat/call/${reducer}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([text]),
  });
  expect(response.status).toBe(200);
}

/** Shows the page with rows in it; gives whom it takes itself for. */
async function ready(...texts: readonly string[]): Promise<string> {
  for (const text of texts) await callHost('say', text);
  await page.shows({ isActive: true, isReady: true, texts });
  const identity = page.history.at(-1)?.identity ?? '';
  expect(identity).toMatch(/^c200[0-9a-f]{60}$/);
  return identity;
}

const attempts = (count: number) =>
  waitFor(() => page.delays.length >= count, { describe: `${count} attempts to connect again` });

describe('the React provider of the official package', () => {
  test('O11 shows what is there and what comes', async () => {
    await ready('one');
    await page.say('two');
    await page.shows({ isReady: true, texts: ['one', 'two'] });
    await callHost('unsay', 'one');
    await page.shows({ isReady: true, texts: ['two'] });
    expect(page.changes).toEqual(['+one', '+two', '-one']);
    await expect(page.say('')).rejects.toThrow('nothing was said');
  });

  test('O12 connects again after a broken socket, as the same client, and shows what has changed meanwhile', async () => {
    const identity = await ready('goes', 'stays');
    page.changes.length = 0;
    host.faults.refuseUpgrades = true;
    expect(host.faults.dropConnections()).toBe(1);
    await attempts(3);
    // Without a connection there are no rows, not the last ones.
    await page.shows({ isActive: false, isReady: false, texts: [] });
    await callHost('unsay', 'goes');
    await callHost('say', 'came');
    host.faults.refuseUpgrades = false;
    await page.shows({ isActive: true, identity, isReady: true, texts: ['came', 'stays'] });
    expect(page.delays.slice(0, 3)).toEqual([1000, 2000, 4000]);
    // Everything is new to it, and what went away is never told.
    expect(page.changes.toSorted()).toEqual(['+came', '+stays']);
    await page.say('after');
    await page.shows({ texts: ['after', 'came', 'stays'] });
    expect(host.connections).toBe(1);
  });

  test('O13 connects again when the host was closed and is back, with the token that it had', async () => {
    const identity = await ready('one');
    await host.close();
    await attempts(2);
    await page.shows({ isActive: false, isReady: false, texts: [] });
    host = await start(`127.0.0.1:${host.port}`);
    await callHost('say', 'two');
    await page.shows({ isActive: true, identity, isReady: true, texts: ['one', 'two'] });
    // The next interruption begins with the shortest delay again.
    page.delays.length = 0;
    host.faults.closeConnections();
    await attempts(1);
    await page.shows({ isActive: true, identity, isReady: true, texts: ['one', 'two'] });
    expect(page.delays).toEqual([1000]);
  });

  test('O14 connects at once when somebody comes back to the page, also to a module that was replaced', async () => {
    const identity = await ready('one');
    page.holdDelays = true;
    await host.faults.reloadModule();
    await attempts(1);
    await page.shows({ isActive: false, isReady: false, texts: [] });
    page.focus();
    await page.shows({ isActive: true, identity, isReady: true, texts: ['one'] });
  });

  test('O15 goes on trying while the module refuses it, and is told nothing but that the socket broke', async () => {
    const identity = await ready();
    host.faults.rejectConnects = true;
    host.faults.dropConnections();
    await attempts(3);
    const refused = page.history.filter(({ error }) => error !== undefined);
    expect(new Set(refused.map(({ error }) => error))).toEqual(new Set(['WebSocket error']));
    expect(refused.map(({ isActive }) => isActive)).not.toContain(true);
    host.faults.rejectConnects = false;
    await page.shows({ isActive: true, identity, isReady: true, texts: [] });
  });
});
