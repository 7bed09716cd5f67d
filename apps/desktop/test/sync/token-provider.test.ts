import type { HttpRequest, HttpResponse } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { createTokenClient } from '../../src/sync/token-provider.ts';

const start = 1_800_000_000_000;
const answer = {
  ...{ token: 't', issued_at: start / 1000, expires_at: start / 1000 + 300, refresh_after: start / 1000 + 225 },
  ...{ subject: 's', identity: 'a'.repeat(64), uri: 'http://127.0.0.1:3000', database: 'db' },
  streams: [{ stream_id: 'runtime.a', role: 'reader', uri: 'u', database: 'db' }],
};

function client(respond: (request: HttpRequest) => Partial<HttpResponse>) {
  const requests: HttpRequest[] = [];
  const ask = createTokenClient({
    ...{
      clock: manualPorts({ start }).clock,
      control: 'http://127.0.0.1:9/base',
      clientId: 'me',
      clientSecret: 'hush',
    },
    http: async (request) => {
      requests.push(request);
      return { status: 200, headers: {}, body: '', ...respond(request) };
    },
  });
  return { requests, ask: () => ask(new AbortController().signal) };
}

describe('createTokenClient', () => {
  test('asks with Basic credentials and what this build speaks, and reads seconds as milliseconds', async () => {
    const { ask, requests } = client(() => ({ body: JSON.stringify(answer) }));
    expect(await ask()).toMatchObject({
      ...{ token: 't', issued_at: start, expires_at: start + 300_000, refresh_after: start + 225_000 },
      ...{ database: 'db', streams: ['runtime.a'] },
    });
    expect(requests[0]).toMatchObject({ method: 'POST', url: 'http://127.0.0.1:9/v1/sync/token' });
    expect(requests[0]?.headers?.authorization).toBe(`Basic ${Buffer.from('me:hush').toString('base64')}`);
    expect(JSON.parse(String(requests[0]?.body))).toMatchObject({
      protocol_version: 'spacetime.sync.v1',
      schema_version: 1,
    });
  });

  test('a clock that is an hour off on either side does not make a fresh token look expired', async () => {
    const shifted = { ...answer, issued_at: answer.issued_at - 3600, expires_at: answer.expires_at - 3600 };
    const { ask } = client(() => ({
      body: JSON.stringify({ ...shifted, refresh_after: answer.refresh_after - 3600 }),
    }));
    expect(await ask()).toMatchObject({
      issued_at: start,
      expires_at: start + 300_000,
      refresh_after: start + 225_000,
    });
  });

  test.each([
    [401, { code: 'unauthorized', message: 'wrong secret' }, 'unauthorized', 'refresh-token'],
    [403, { code: 'forbidden', message: 'no' }, 'forbidden', 'ask-user'],
    [426, { code: 'upgrade_required', message: 'too old' }, 'upgrade_required', 'ask-user'],
    [503, { code: 'store_unavailable', message: 'down' }, 'unavailable', 'retry'],
    [500, 'not json', 'unavailable', 'retry'],
    [400, { code: 'invalid_request', message: 'bad' }, 'invalid_request', 'stop'],
  ])('%d becomes a typed refusal', async (status, body, code, recovery) => {
    const { ask } = client(() => ({ status, body: typeof body === 'string' ? body : JSON.stringify(body) }));
    await expect(ask()).rejects.toMatchObject({ name: 'SyncError', code, recovery });
  });

  test('a rate limit says how long to wait', async () => {
    const refusal = { status: 429, headers: { 'retry-after': '7' }, body: '{"code":"rate_limited","message":"slow"}' };
    const { ask } = client(() => refusal);
    await expect(ask()).rejects.toMatchObject({ code: 'rate_limited', details: { retry_after_ms: 7000 } });
  });

  test('no answer, and an answer that is no token, can be tried again; the secret is in no message', async () => {
    const silent = createTokenClient({
      ...{ clock: manualPorts().clock, control: 'http://127.0.0.1:9', clientId: 'me', clientSecret: 'hush' },
      http: () => Promise.reject(new Error('ECONNREFUSED')),
    });
    const error: unknown = await silent(new AbortController().signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'unavailable', recovery: 'retry' });
    expect(JSON.stringify(error) + String(error)).not.toContain('hush');
    const { ask } = client(() => ({ body: '{"token":"x"}' }));
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
