import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { expect, test } from '@jest/globals';
import { confirmationTimeout } from '../src/http/confirmation-timeout.ts';
import { untilDurable } from '../src/http/until-durable.ts';
import { startEmbedded } from '../src/start-embedded.ts';
import { bundleText } from './support/bundle.ts';
import { RawClient } from './support/raw-client.ts';

/** A log of which nothing is on disk yet. */
function fakeLog() {
  const listeners = new Set<(offset: bigint) => void>();
  return {
    durableOffset: 0n,
    failure: undefined as Error | undefined,
    onDurable(listener: (offset: bigint) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(offset: bigint) {
      this.durableOffset = offset;
      for (const listener of [...listeners]) listener(offset);
    },
    get waiting() {
      return listeners.size;
    },
  };
}

test('E12 who waits for the disk is told when the log fails, and when it takes too long', async () => {
  const log = fakeLog();
  const { scheduler, advance } = Object.assign(manualPorts());
  const waits = [
    untilDurable(log, 1n),
    untilDurable(log, 2n),
    untilDurable(log, 2n, { scheduler, milliseconds: 50 }),
    untilDurable(log, 3n),
  ].map((wait) =>
    wait.then(
      () => 'durable',
      ({ status }) => status,
    ),
  );
  advance(50);
  log.tell(1n);
  log.tell(2n);
  log.failure = new Error('the disk is full');
  log.tell(2n);
  expect(await Promise.all(waits)).toEqual(['durable', 'durable', 504, 503]);
  expect(log.waiting).toBe(0);
  await expect(untilDurable(log, 3n)).rejects.toMatchObject({ status: 503 });
  await expect(untilDurable(log, 2n)).resolves.toBeUndefined();
});

test.each([
  ['', 5_000],
  ['23s', 23_000],
  ['1m', 60_000],
  ['1m 30s', 90_000],
  ['250ms', 250],
  ['2h', 300_000],
])('H5 a publisher waits %j for the disk', (text, milliseconds) => {
  const url = new URL(`http://host/?${text === '' ? '' : `update_confirmation_timeout=${encodeURIComponent(text)}`}`);
  expect(confirmationTimeout(url)).toBe(milliseconds);
});

test.each(['5', 's', '5 parsecs', '-1s', '1.5s'])('H5 a publisher cannot wait %j', (text) => {
  const url = new URL('http://host/');
  url.searchParams.set('update_confirmation_timeout', text);
  expect(() => confirmationTimeout(url)).toThrow('must be a duration');
});

const source = (more = '') => `
  import { schema, t, table } from 'spacetimedb/server';
  const spacetimedb = schema({ thing: table({ public: true }, { id: t.u32().primaryKey(), text: t.string() }) });
  export default spacetimedb;
  export const add = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => {
    ctx.db.thing.insert({ id, text: 'x'.repeat(1000) });
  });
  ${more}
`;

test('H5 an update that is not on disk in time is 504, and may be there all the same', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'late-'));
  const host = await startEmbedded({
    module: await bundleText(source()),
    database: 'test-db',
    listen: '127.0.0.1:0',
    dataDir,
    durability: { syncDelayMs: 600_000 },
  });
  const headers = { authorization: `Bearer ${host.ownerToken}` };
  const publish = async (more: string, body: Uint8Array) => {
    const path = `${host.url}/v1/database/test-db?host_type=Js${more}`;
    return await fetch(path, { method: 'PUT', headers, body: Uint8Array.from(body) });
  };
  const updated = await bundleText(source('export const version = spacetimedb.procedure(t.u32(), () => 2);'));
  expect((await publish('&update_confirmation_timeout=soon', updated)).status).toBe(400);
  expect((await publish('&update_confirmation_timeout=1ms', updated)).status).toBe(504);
  const version = await fetch(`${host.url}/v1/database/test-db/call/version`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[]',
  });
  expect(await version.text()).toBe('2');
  await host.close();
  rmSync(dataDir, { recursive: true });
});

test('E12 a host whose log cannot be written ends its websockets with 1011 and refuses calls with 503', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'failing-'));
  const errors: unknown[] = [];
  const host = await startEmbedded({
    module: await bundleText(source()),
    database: 'test-db',
    listen: '127.0.0.1:0',
    dataDir,
    durability: { syncDelayMs: 1, snapshotAfterBytes: 100 },
    onError: (error) => errors.push(error),
  });
  const add = async (id: number) => {
    const headers = { 'content-type': 'application/json' };
    const path = `${host.url}/v1/database/test-db/call/add`;
    return (await fetch(path, { method: 'POST', headers, body: JSON.stringify([id]) })).status;
  };
  const client = new RawClient(host.url);
  await client.next('InitialConnection');
  // The next segment of the log cannot be made without its directory.
  rmSync(dataDir, { recursive: true });
  let status = 200;
  for (let id = 0; status === 200; id += 1) status = await add(id);
  expect(status).toBe(503);
  expect(await client.closed).toEqual({ code: 1011, reason: 'the host cannot go on; see its log' });
  expect(await (await fetch(`${host.url}/v1/health`)).json()).toMatchObject({ schedulable: false });
  expect(errors).not.toEqual([]);
  await expect(host.close()).rejects.toMatchObject({ code: 'data_dir_unusable' });
});
