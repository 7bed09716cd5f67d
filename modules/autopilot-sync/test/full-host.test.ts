import { type EmbeddedHost, identityOf, startEmbedded } from '@autopilot/spacetime-embedded';
import { payloadHash } from '@autopilot/sync-contract';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildBundle, bundlePath } from '../bundle.mjs';
import { TestIssuer } from './support/issuer.ts';

const stream = 'runtime.run.1';
const everyScope = 'sync.subscribe sync.append sync.admin';
const control = new TestIssuer();
let host: EmbeddedHost;

beforeAll(async () => {
  const module = await buildBundle();
  host = await startEmbedded({ module, database: 'sync', listen: '127.0.0.1:0', http: control.http });
});
afterAll(async () => {
  await host.close();
});

async function post(path: string, body: string, token?: string, type = 'text/plain') {
  const headers = { 'content-type': type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${host.url}/v1/database/sync/${path}`, { method: 'POST', body, headers });
  return { status: response.status, body: await response.text() };
}
const call = (name: string, args: unknown[], token?: string) =>
  post(`call/${name}`, JSON.stringify(args), token, 'application/json');
const append = (key: string, token: string) =>
  call('append_sync_event', [stream, 'note', '{}', payloadHash({}), key, { none: [] }], token);

describe('M1 over HTTP', () => {
  test('the module takes calls by token, and shows its tables to nobody', async () => {
    const admin = control.token('admin', everyScope);
    expect((await append('k1', admin)).status).toBe(403);
    expect(host.ownerToken).toBeDefined();
    expect((await call('configure', [control.issuer, 'autopilot-sync'], host.ownerToken)).status).toBe(200);
    expect((await append('k1', admin)).status).toBe(200);
    const refused = await append('k1', control.token('writer', 'sync.append'));
    expect(refused).toMatchObject({ status: 530, body: expect.stringMatching(/^forbidden: /) });
    expect((await append('k1', control.token('late', everyScope, { aud: ['other'] }))).status).toBe(403);
    expect((await call('unwatch', [stream])).status).toBe(403);

    const reader = control.token('reader', 'sync.subscribe');
    const position = [stream, '', 0, 10];
    expect(await call('open_stream', position, reader)).toMatchObject({
      status: 200,
      body: expect.stringContaining('denied'),
    });
    const identity = `0x${identityOf(control.issuer, 'reader')}`;
    expect(
      (await call('grant_stream', [{ __identity__: identity }, stream, 'reader', { none: [] }], admin)).status,
    ).toBe(200);
    expect(await call('open_stream', position, reader)).toMatchObject({
      status: 200,
      body: expect.stringContaining('k1'),
    });

    // The connection of an HTTP call ends with it, and its watch with the connection.
    const watches = await post('sql', 'SELECT * FROM stream_watch', host.ownerToken);
    expect(watches).toMatchObject({ status: 200, body: expect.stringMatching(/"rows":\[\]/) });
    const events = await post('sql', 'SELECT * FROM sync_event', host.ownerToken);
    expect(events.body).toContain('k1');
    for (const table of ['sync_event', 'stream_grant', 'sync_checkpoint', 'module_config']) {
      expect((await post('sql', `SELECT * FROM ${table}`, reader)).status).toBe(400);
    }
    expect(await post('sql', 'SELECT * FROM live_inbox', reader)).toMatchObject({ status: 200 });
    expect((await post('sql', 'SELECT * FROM my_streams', reader)).body).toContain(stream);
    expect((await post('sql', 'SELECT * FROM my_streams', admin)).body).not.toContain(stream);
  });
});

test('the bundle imports the system of the host and nothing else', async () => {
  const text = new TextDecoder().decode(await buildBundle());
  const imports = [...text.matchAll(/^import .* from "([^"]+)";$/gm)].map((match) => match[1]);
  expect(new Set(imports)).toEqual(new Set(['spacetime:sys@2.0', 'spacetime:sys@2.1']));
  // The realm of a module has none of these; node:crypto would come in with the wrong SHA-256.
  expect(text).not.toMatch(/node:crypto/);
  expect(bundlePath.endsWith('dist/bundle.js')).toBe(true);
});
