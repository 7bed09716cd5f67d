import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { type HealthServer, startHealthServer } from '../../src/server/start-server.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

let server: HealthServer;
let ports: ManualPorts;
let uiDir: string;
let version = 1;
const stateJson = () => JSON.stringify({ version });

beforeEach(async () => {
  uiDir = mkdtempSync(path.join(tmpdir(), 'desktop-ui-'));
  writeFileSync(path.join(uiDir, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(path.join(uiDir, '.hidden'), 'hidden');
  version = 1;
  server = await start();
});
afterEach(async () => {
  await server.close();
  rmSync(uiDir, { recursive: true, force: true });
});

const start = (port = 0) => {
  ports = manualPorts();
  const { scheduler } = ports;
  return startHealthServer({ host: '127.0.0.1', port, uiDir, stateJson, random: systemPorts.random, scheduler });
};
const base = () => new URL(server.url);

/** Without fetch: a Host header has to be forged here. */
function get(target: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: base().port, path: target, headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
const bearer = () => ({ authorization: `Bearer ${server.token}` });

/** The status of a refused upgrade, or 101. */
function upgrade(headers: Record<string, string>, target = '/api/live'): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${base().port}${target}`, { headers });
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.on('unexpected-response', (_request, answer) => {
      resolve(answer.statusCode ?? 0);
      answer.resume();
      socket.terminate();
    });
    socket.on('error', () => {});
  });
}

describe('the health server over HTTP', () => {
  test('exchanges the token of the printed URL for a cookie and a clean address', async () => {
    const first = await get(`/?token=${server.token}`);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe('/');
    const cookie = String(first.headers['set-cookie']);
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Strict');
    const page = await get('/', { cookie: cookie.split(';')[0] ?? '' });
    expect(page.status).toBe(200);
    expect(page.body).toContain('<title>page</title>');
  });

  test('the redirect cannot be turned to another host', async () => {
    const answer = await get(`//evil.example/?token=${server.token}`);
    expect(answer.headers.location).toBe('/evil.example/');
  });

  test('serves the state to the bearer, and nothing to anybody else', async () => {
    expect(await get('/api/state', bearer())).toMatchObject({ status: 200, body: '{"version":1}' });
    for (const target of ['/', '/api/state', '/index.html', '/nothing']) {
      const answer = await get(target);
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain('version');
      expect(answer.body).not.toContain('<title>');
    }
    expect((await get('/api/state', { authorization: 'Bearer x' })).status).toBe(401);
  });

  test('refuses rebound names and other origins', async () => {
    expect((await get('/api/state', { ...bearer(), host: 'evil.example' })).status).toBe(421);
    expect((await get('/api/state', { ...bearer(), origin: 'http://evil.example' })).status).toBe(403);
  });

  test('every answer carries the policy: no inline script, no frame, no cache', async () => {
    for (const headers of [bearer(), {}] as Record<string, string>[]) {
      const answer = await get('/', headers);
      const policy = String(answer.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    }
  });

  test('serves no hidden file and nothing outside its folder', async () => {
    for (const target of ['/.hidden', '/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json']) {
      expect((await get(target, bearer())).status).toBeGreaterThanOrEqual(400);
    }
  });

  test('says how to build the page when it is not there', async () => {
    await server.close();
    rmSync(path.join(uiDir, 'index.html'));
    server = await start();
    const answer = await get('/', bearer());
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('pnpm --filter @autopilot/desktop build');
    expect((await get('/api/state', bearer())).status).toBe(200);
  });

  test('every start has another token', async () => {
    const before = server.token;
    await server.close();
    server = await start();
    expect(server.token).not.toBe(before);
    expect(before).toHaveLength(43);
  });

  test('a taken port is a typed error', async () => {
    await expect(start(Number(base().port))).rejects.toMatchObject({ name: 'DesktopError', code: 'port_taken' });
  });
});

describe('the live socket', () => {
  const open = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${base().port}/api/live`, { headers: bearer() });
    const texts: string[] = [];
    socket.on('message', (data) => texts.push(String(data)));
    await waitFor(() => texts.length > 0, { describe: 'the first snapshot' });
    return { socket, texts };
  };

  test('sends the state at once and then only when it changed, the newest, never faster than its interval', async () => {
    const { socket, texts } = await open();
    for (version = 2; version < 50; version += 1) server.poke();
    ports.advance(199);
    server.poke();
    ports.advance(1);
    // Nothing has changed since: these seconds bring nothing.
    ports.advance(5000);
    version = 51;
    server.poke();
    await waitFor(() => texts.at(-1) === '{"version":51}', { describe: 'the newest state' });
    expect(texts).toEqual(['{"version":1}', '{"version":2}', '{"version":50}', '{"version":51}']);
    socket.terminate();
  });

  test('is for those with the token, of the right host and origin, at its own path', async () => {
    const host = `127.0.0.1:${base().port}`;
    const page = await get(`/?token=${server.token}`);
    const cookie = String(page.headers['set-cookie']).split(';')[0] ?? '';
    expect(await upgrade({})).toBe(401);
    expect(await upgrade({}, `/api/live?token=${server.token}`)).toBe(401);
    expect(await upgrade({ ...bearer(), host: 'evil.example' })).toBe(421);
    expect(await upgrade({ cookie, origin: 'http://evil.example' })).toBe(403);
    expect(await upgrade({ cookie })).toBe(403);
    expect(await upgrade(bearer(), '/other')).toBe(404);
    expect(await upgrade({ cookie, origin: `http://${host}` })).toBe(101);
    expect(await upgrade(bearer())).toBe(101);
  });

  test('a page that does not answer pings is dropped, one that does stays', async () => {
    const deaf = new WebSocket(`ws://127.0.0.1:${base().port}/api/live`, { headers: bearer(), autoPong: false });
    const closed = new Promise((resolve) => deaf.on('close', resolve));
    let pings = 0;
    deaf.on('ping', () => {
      pings += 1;
    });
    await new Promise((resolve) => deaf.on('message', resolve));
    const { socket, texts } = await open();
    let alive = 0;
    socket.on('ping', () => {
      alive += 1;
    });
    ports.advance(15_000);
    await waitFor(() => pings === 1 && alive === 1, { describe: 'both are pinged' });
    // The answer of the one has arrived when the server takes another request of this process.
    await get('/api/state', bearer());
    ports.advance(15_000);
    await closed;
    version = 2;
    server.poke();
    await waitFor(() => texts.at(-1) === '{"version":2}', { describe: 'the other still hears' });
    socket.terminate();
  });

  test('closing ends every open page', async () => {
    const { socket } = await open();
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    await server.close();
    await waitFor(() => closed, { describe: 'the page is closed' });
    server = await start();
  });
});
