import { beforeAll, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { identityOf } from '../src/identity.ts';
import { openStore } from '../src/store/open-store.ts';
import { clients, compatible, eventsFor, type Harness, issuer, startHarness } from './support/harness.ts';
import { waitUntil } from './support/wait-until.ts';

let it: Harness;

beforeAll(async () => {
  it = await startHarness();
});

const ask = (as: string, body: object = {}, on = it) =>
  on.request('POST', '/v1/sync/token', { as, body: { ...compatible, ...body } });

const grantOf = (client: string, streamId: string, on = it) =>
  on.database.grants.get(`${streamId} ${identityOf(issuer, `user-${client}`)}`);

describe('POST /v1/sync/token', () => {
  test('issues a token that the published keys verify, with every fact a client needs', async () => {
    const { status, body, headers } = await ask('desktop', { streams: ['runtime.run.7', 'runtime.run.7'] });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    const jwks = await it.request('GET', '/.well-known/jwks.json');
    const { payload, protectedHeader } = await jwtVerify(body.token, createLocalJWKSet(jwks.body), {
      issuer,
      audience: 'autopilot-sync',
    });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: expect.any(String) });
    expect(payload).toEqual({
      iss: issuer,
      sub: 'user-desktop',
      aud: 'autopilot-sync',
      scope: 'sync.subscribe sync.checkpoint.write',
      jti: expect.stringMatching(/^[0-9a-f]{32}$/),
      sid: expect.stringMatching(/^[0-9a-f]{32}$/),
      iat: body.issued_at,
      nbf: body.issued_at,
      exp: body.expires_at,
    });
    expect(body).toEqual({
      token: body.token,
      token_type: 'Bearer',
      issued_at: expect.any(Number),
      expires_at: body.issued_at + 600,
      refresh_after: body.issued_at + 450,
      subject: 'user-desktop',
      identity: identityOf(issuer, 'user-desktop'),
      issuer,
      audience: 'autopilot-sync',
      scopes: ['sync.subscribe', 'sync.checkpoint.write'],
      uri: 'http://127.0.0.1:9',
      database: 'autopilot',
      streams: [{ stream_id: 'runtime.run.7', role: 'reader', uri: 'http://127.0.0.1:9', database: 'autopilot' }],
    });
    expect(Math.abs(body.issued_at - Date.now() / 1_000)).toBeLessThan(60);
  });

  test('has granted the named streams before it answers', async () => {
    await ask('desktop', { streams: ['runtime.run.8', 'runtime.run.9'] });
    expect(grantOf('desktop', 'runtime.run.8')).toBe('reader');
    expect(grantOf('desktop', 'runtime.run.9')).toBe('reader');
    expect(grantOf('narrow', 'runtime.run.8')).toBeUndefined();
  });

  test('lists the known streams of the client when none is named', async () => {
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:1', 0, 1) } });
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:2', 0, 1) } });
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('feed', 0, 1) } });
    const names = async (client: string) =>
      (await ask(client)).body.streams.map((stream: { stream_id: string }) => stream.stream_id);
    expect(await names('desktop')).toEqual(['runtime.run.1', 'runtime.run.2']);
    expect(await names('narrow')).toEqual(['runtime.run.1']);
    expect(await names('operator')).toEqual(['runtime.feed', 'runtime.run.1', 'runtime.run.2']);
    expect(await names('nobody')).toEqual([]);
  });

  test('grants every entitled client when a stream is made', async () => {
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:new', 0, 1) } });
    await waitUntil(() => it.database.keys('runtime.run.new').length === 1);
    expect(grantOf('desktop', 'runtime.run.new')).toBe('reader');
    expect(grantOf('feed', 'runtime.run.new')).toBe('writer');
    expect(grantOf('narrow', 'runtime.run.new')).toBeUndefined();
  });

  test('refuses a stream outside the patterns, and grants nothing', async () => {
    const { status, body } = await ask('narrow', { streams: ['runtime.run.1', 'runtime.run.22'] });
    expect(status).toBe(403);
    expect(body).toEqual({
      code: 'forbidden',
      message: expect.stringContaining('runtime.run.22'),
      next: expect.any(String),
      details: { streams: ['runtime.run.22'] },
    });
    expect((await ask('nobody', { streams: ['runtime.run.1'] })).status).toBe(403);
    expect(grantOf('nobody', 'runtime.run.1')).toBeUndefined();
  });

  test.each([
    [{ client_build_id: 'yesterday' }, 'invalid_client_build'],
    [{ client_build_id: undefined }, 'invalid_client_build'],
    [{ protocol_version: 'spacetime.sync.v9' }, 'unsupported_protocol_version'],
    [{ schema_version: 9 }, 'unsupported_schema_version'],
    [{ client_build_id: '20200101T000000Z' }, 'upgrade_required'],
  ])('refuses an incompatible client first: %j', async (fields, code) => {
    const { status, body } = await ask('narrow', { ...fields, streams: ['runtime.not.mine'] });
    expect(status).toBe(426);
    expect(body).toMatchObject({ code, details: { window: { protocol_version: 'spacetime.sync.v1' } } });
  });

  test('refuses a wrong secret, an unknown client and a request without credentials', async () => {
    const body = compatible;
    for (const init of [
      { as: 'desktop', secret: 'guess', body },
      { as: 'stranger', body },
      { body },
      { bearer: 'x', body },
    ]) {
      const answer = await it.request('POST', '/v1/sync/token', init);
      expect(answer.status).toBe(401);
      expect(answer.body.code).toBe('unauthorized');
      expect(answer.headers.get('www-authenticate')).toContain('Basic');
    }
  });

  test('refuses a body of another shape', async () => {
    expect((await ask('desktop', { stream: 'runtime.run.1' })).body.code).toBe('invalid_request');
    expect((await ask('desktop', { schema_version: 'one' })).body.code).toBe('invalid_request');
    const text = await it.request('POST', '/v1/sync/token', { as: 'desktop', rawBody: '{' });
    expect(text.status).toBe(400);
    expect(text.body).toMatchObject({ code: 'invalid_request', next: expect.any(String) });
  });

  test('asks to come again when a grant cannot be made now', async () => {
    const offline = await startHarness({ offline: true });
    const { status, body } = await ask('desktop', { streams: ['runtime.run.1'] }, offline);
    expect(status).toBe(503);
    expect(body.code).toBe('unavailable');
    offline.sink.become('live');
    expect((await ask('desktop', { streams: ['runtime.run.1'] }, offline)).status).toBe(200);
    offline.sink.become('backoff');
    // Granted once, it is not asked for again while the database is away.
    expect((await ask('desktop', { streams: ['runtime.run.1'] }, offline)).status).toBe(200);
    offline.sink.become('live');
    offline.database.grants.clear();
    // A new connection may lead to another database.
    await ask('desktop', { streams: ['runtime.run.1'] }, offline);
    expect(grantOf('desktop', 'runtime.run.1', offline)).toBe('reader');
    await offline.control.close();
  });

  test('limits each client by itself', async () => {
    const limited = await startHarness({ issueLimit: { burst: 2, perMinute: 6 } });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await ask('desktop', {}, limited)).status);
    expect(statuses).toEqual([200, 200, 429]);
    const { body, headers } = await ask('desktop', {}, limited);
    expect(body.code).toBe('rate_limited');
    expect(body.details.retry_after).toBeGreaterThan(0);
    expect(body.details.retry_after).toBeLessThanOrEqual(10);
    expect(Number(headers.get('retry-after'))).toBe(Math.ceil(body.details.retry_after));
    expect((await ask('narrow', {}, limited)).status).toBe(200);
    await limited.control.close();
  });

  test('stops an address that guesses', async () => {
    const guessed = await startHarness();
    const guess = () => guessed.request('POST', '/v1/sync/token', { as: 'desktop', secret: 'guess', body: compatible });
    const statuses = new Set<number>();
    for (let n = 0; n < 25; n += 1) statuses.add((await guess()).status);
    expect([...statuses]).toEqual([401, 429]);
    // The right secret has to wait too: otherwise guessing could go on.
    expect((await ask('desktop', {}, guessed)).status).toBe(429);
    await guessed.control.close();
  });

  test('writes an audit row for every answer, and no secret or token into the log', async () => {
    const audited = await startHarness();
    const issued = await ask('desktop', { streams: ['runtime.run.1'] }, audited);
    await ask('narrow', { streams: ['runtime.run.2'] }, audited);
    await ask('desktop', { schema_version: 2 }, audited);
    await audited.request('POST', '/v1/sync/token?token=sesame', {
      as: 'desktop',
      secret: 'open-sesame',
      body: compatible,
    });
    await audited.control.close();
    const store = await openStore({ dataDir: audited.dataDir });
    const rows = await store.db.selectFrom('audit_event').selectAll().orderBy('id').execute();
    await store.close();
    expect(rows.map((row) => [row.event, row.client_id, row.reason])).toEqual([
      ['token.issued', 'desktop', 'issued'],
      ['token.refused', 'narrow', 'forbidden'],
      ['token.refused', 'desktop', 'unsupported_schema_version'],
      ['token.refused', 'desktop', 'unauthorized'],
    ]);
    const written = [...audited.log, ...rows.map((row) => row.details)].join('\n');
    expect(written).toContain('/v1/sync/token');
    for (const secret of [issued.body.token, 'sesame', Buffer.from('desktop:desktop').toString('base64')]) {
      expect(written).not.toContain(secret);
    }
  });

  test('the clients of the tests are the ones that were asked', () => {
    expect(clients.map((client) => client.client_id)).toEqual(['desktop', 'feed', 'operator', 'narrow', 'nobody']);
  });
});
