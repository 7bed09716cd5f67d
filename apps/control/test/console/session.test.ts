import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { createConsoleSessions } from '../../src/console/sessions.ts';
import { openStore } from '../../src/store/open-store.ts';
import { atEnd } from '../support/cleanup.ts';
import { startCutover } from '../support/cutover.ts';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { temporaryFolder } from '../support/temporary-folder.ts';

jest.setTimeout(20_000);

const page = { 'x-autopilot-console': '1' };

async function start() {
  const it = await startCutover();
  const { origin } = new URL(it.control.url);
  const send = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    fetch(`${it.control.url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const signIn = (as: string, headers: Record<string, string> = { ...page, origin }, secret = as) =>
    send('POST', '/console/session', headers, { client_id: as, secret });
  const cookieOf = (answer: Response) => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const code = async (answer: Promise<Response>) => {
    const got = await answer;
    return [got.status, ((await got.json()) as { code: string }).code];
  };
  return { it, origin, send, signIn, cookieOf, code };
}

describe('signing in to the console', () => {
  test('gives a cookie that no script reads and no other site sends, and a command is made in the name of its client', async () => {
    const { it, origin, send, signIn, cookieOf } = await start();
    const answer = await signIn('anna');
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ client_id: 'anna', scopes: ['cutover.read', 'cutover.operate'] });
    const set = answer.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^autopilot_console_\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    const cookie = cookieOf(answer);
    const { revision } = (await it.status()).state;
    const command = { revision, idempotency_key: 'k', reason: 'why', percent: 50 };
    const done = await send('POST', '/v1/cutover/cohort', { ...page, origin, cookie }, command);
    // Refused by the machine, not at the door: it knows who asks.
    expect([done.status, ((await done.json()) as { code: string }).code]).toEqual([409, 'wrong_stage']);
    expect((await send('GET', '/v1/cutover/status', { ...page, cookie })).status).toBe(200);
  });

  test('a request that another site makes the browser send is refused, whatever it lacks', async () => {
    const { origin, send, signIn, cookieOf, code } = await start();
    const cookie = cookieOf(await signIn('anna'));
    const rollback = (headers: Record<string, string>) => code(send('POST', '/v1/cutover/rollback', headers, {}));
    expect(await rollback({ cookie, origin })).toEqual([401, 'unauthorized']);
    expect(await rollback({ ...page, cookie })).toEqual([403, 'forbidden']);
    expect(await rollback({ ...page, cookie, origin: 'https://evil.example' })).toEqual([403, 'forbidden']);
    expect(await rollback({ ...page, cookie, origin, 'sec-fetch-site': 'cross-site' })).toEqual([403, 'forbidden']);
    expect(await code(send('DELETE', '/console/session', { ...page, cookie }))).toEqual([403, 'forbidden']);
    expect(await code(signIn('anna', page))).toEqual([403, 'forbidden']);
    expect(await code(signIn('anna', { origin }))).toEqual([403, 'forbidden']);
    expect(await rollback({ ...page, cookie, origin })).toEqual([400, 'invalid_request']);
  });

  test('the cookie opens nothing but the cutover, and a browser is not made to ask for a password', async () => {
    const { origin, send, signIn, cookieOf, code } = await start();
    const wrong = await signIn('anna', { ...page, origin }, 'no');
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([401, null]);
    expect((await send('GET', '/v1/cutover/status', {})).headers.get('www-authenticate')).toMatch(/^Basic/);
    expect(await code(signIn('desktop'))).toEqual([403, 'forbidden']);
    const cookie = cookieOf(await signIn('anna'));
    const events = { events: [] };
    expect(await code(send('POST', '/v1/projections', { ...page, cookie, origin }, events))).toEqual([
      403,
      'forbidden',
    ]);
    expect(await code(send('POST', '/v1/sync/token', { ...page, cookie, origin }, {}))).toEqual([401, 'unauthorized']);
    const reader = cookieOf(await signIn('reader'));
    expect(await code(send('POST', '/v1/cutover/rollback', { ...page, cookie: reader, origin }, {}))).toEqual([
      403,
      'forbidden',
    ]);
  });

  test('signing out ends the session itself, not only the cookie', async () => {
    const { origin, send, signIn, cookieOf, code } = await start();
    const cookie = cookieOf(await signIn('anna'));
    const out = await send('DELETE', '/console/session', { ...page, cookie, origin });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect(await code(send('GET', '/v1/cutover/status', { ...page, cookie }))).toEqual([401, 'unauthorized']);
    for (let tries = 0; tries < 30; tries += 1) await send('GET', '/console/session', { ...page, cookie });
    // A session that is over is no wrong secret: nobody is locked out by a page that was left open.
    expect((await signIn('anna')).status).toBe(201);
  });

  test('a session ends when nobody uses it for half an hour, and after eight hours in any case', async () => {
    const store = await openStore({ dataDir: temporaryFolder() });
    atEnd(() => store.close());
    const { clock, random, advance } = manualPorts();
    const sessions = createConsoleSessions(store, clock, random);
    const { token } = await sessions.begin('anna');
    expect(JSON.stringify(await store.db.selectFrom('console_session').selectAll().execute())).not.toContain(token);
    for (let minutes = 25; minutes < 8 * 60; minutes += 25) {
      advance(25 * 60_000);
      expect(await sessions.find(token)).toMatchObject({ client_id: 'anna' });
    }
    advance(6 * 60_000);
    expect(await sessions.find(token)).toBeUndefined();
    const idle = await sessions.begin('bert');
    advance(30 * 60_000);
    expect(await sessions.find(idle.token)).toBeUndefined();
    expect(await sessions.find('guess')).toBeUndefined();
  });
});

describe('the page of the console', () => {
  test('is served with a policy that allows this server only, and says how it is built when it is not', async () => {
    const folder = temporaryFolder();
    const it = await startCutover({ console: { page: folder } });
    const missing = await fetch(`${it.control.url}/console`);
    expect([missing.status, await missing.text()]).toEqual([503, expect.stringContaining('pnpm --filter')]);
    writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
    const built = await startCutover({ console: { page: folder } });
    const served = await fetch(`${built.control.url}/console`);
    expect([served.status, served.url]).toEqual([200, `${built.control.url}/console/`]);
    const policy = served.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(served.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('does not hold up the end of control by connections that a browser opened in advance', async () => {
    const it = await startCutover();
    const { hostname, port } = new URL(it.control.url);
    const socket = connect(Number(port), hostname);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    // Accepted by the server too, before it is asked to end.
    await it.status();
    await it.control.close();
    await ended;
  });
});
