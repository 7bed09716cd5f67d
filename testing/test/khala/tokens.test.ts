import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KhalaServer, signKhalaToken, startKhala, waitFor } from '../../src/index.ts';
import { type ManualPorts, manualPorts } from '../../src/manual-ports.ts';
import { call, closeClients, connect, events, follow, names, socketUrl } from './raw-client.ts';

let khala: KhalaServer;
let ports: ManualPorts;
const secret = 'a-secret';
const others: KhalaServer[] = [];

beforeEach(async () => {
  ports = manualPorts({ start: Date.UTC(2026, 0, 1) });
  khala = await startKhala({ clock: ports.clock, scheduler: ports.scheduler, secret, keyring: { 'old-key': 'old' } });
});
afterEach(async () => {
  closeClients();
  for (const each of [khala, ...others.splice(0)]) await each.close();
});

const header = { alg: 'HS256', typ: 'JWT', kid: 'sync-auth-v1' };
const claims = () => ({
  iat: ports.clock.now() / 1000,
  exp: ports.clock.now() / 1000 + 300,
  sub: 'user:1',
  jti: 'sync_1',
  iss: 'https://khala.test',
  aud: 'openagents-sync',
  oa_org_id: 'org-1',
  oa_sync_scopes: [events],
  oa_session_id: 's',
  oa_device_id: 'd',
  oa_claims_version: 'oa_sync_claims_v1',
});
const sign = (change: object = {}, head: object = header, key = secret) =>
  signKhalaToken(head, { ...claims(), ...change }, key);

describe('the token of the socket', () => {
  test.each([
    ['missing_token', () => ''],
    ['invalid_token_format', () => 'a.b'],
    ['invalid_token_format', () => 'a..c'],
    ['invalid_token_encoding', () => 'a.b.c'],
    ['invalid_token_encoding', () => `${sign()}*`],
    ['invalid_header', () => sign({}, [1])],
    ['unsupported_alg', () => sign({}, { ...header, alg: 'none' })],
    ['missing_kid', () => sign({}, { alg: 'HS256' })],
    ['unknown_kid', () => sign({}, { ...header, kid: 'x' })],
    ['unknown_kid', () => sign({}, { ...header, kid: 'toString' })],
    ['invalid_signature', () => sign({}, header, 'another')],
    ['invalid_signature', () => sign({}, { ...header, kid: 'old-key' })],
    ['invalid_claims', () => sign({ jti: undefined })],
    ['invalid_claims', () => sign({ exp: 'soon' })],
    ['invalid_claims', () => sign({ oa_sync_scopes: [7] })],
    ['token_expired', () => sign({ exp: ports.clock.now() / 1000 - 30 })],
    ['token_not_yet_valid', () => sign({ iat: ports.clock.now() / 1000 + 31 })],
    ['token_not_yet_valid', () => sign({ nbf: ports.clock.now() / 1000 + 31 })],
    ['claim_mismatch', () => sign({ iss: 'https://else.test' })],
    ['claim_mismatch', () => sign({ aud: 'else' })],
    ['claim_mismatch', () => sign({ oa_claims_version: 'oa_sync_claims_v2' })],
  ])('is refused as %s', async (code, token) => {
    const refused = connect(socketUrl(khala, { token: token() }));
    await expect(refused).rejects.toMatchObject({ status: 403, body: { error: { code } } });
    expect(khala.connections.total).toBe(0);
    expect(khala.counters.refused).toBe(1);
  });

  test('may be off by 29 seconds, and signed by any key of the ring', async () => {
    await connect(socketUrl(khala, { token: sign({ exp: ports.clock.now() / 1000 - 29 }) }));
    await connect(socketUrl(khala, { token: sign({ iat: ports.clock.now() / 1000 + 29 }) }));
    await connect(socketUrl(khala, { token: sign({}, { ...header, kid: 'old-key' }, 'old') }));
    expect(khala.connections.total).toBe(3);
  });

  test('is only taken with the protocol version and at the path of the socket', async () => {
    await expect(connect(socketUrl(khala, { vsn: '1.0.0' }))).rejects.toMatchObject({ status: 403 });
    await expect(connect(socketUrl(khala).replace('/sync/socket/', '/else/'))).rejects.toMatchObject({ status: 404 });
    await connect(socketUrl(khala).replace('/sync/socket/', '/socket/'));
  });

  test('of the shape that khala never took is refused where only the other is allowed', async () => {
    const strict = await startKhala({ tokenShapes: ['sync'] });
    others.push(strict);
    await expect(connect(socketUrl(strict))).rejects.toMatchObject({ body: { error: { code: 'claim_mismatch' } } });
    await connect(socketUrl(strict, { token: strict.token({ shape: 'sync' }) }));
  });
});

describe('minting', () => {
  test('POST /api/khala/token answers the shape of the desktop', async () => {
    const { status, body } = await call('POST', `${khala.url}/api/khala/token`, { scope: [events] });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      token_type: 'Bearer',
      expires_in: 300,
      issued_at: '2026-01-01T00:00:00.000Z',
      expires_at: '2026-01-01T00:05:00.000Z',
      audience: 'openagents-khala',
      claims_version: 'oa_khala_claims_v1',
      kid: 'khala-auth-v1',
      scope: [events],
      token_id: expect.stringMatching(/^khala_/),
    });
    const client = await connect(socketUrl(khala, { token: (body.data as { token: string }).token }));
    expect((await client.join()).response.allowed_topics).toEqual([events]);
    for (const scope of [[], 'x', ['x'.repeat(121)]]) {
      expect((await call('POST', `${khala.url}/api/khala/token`, { scope })).status).toBe(422);
    }
  });

  test.each(['/api/sync/token', '/api/v1/sync/token'])('POST %s answers the other shape', async (path) => {
    const topics = ['org:org-1:worker_events', 'user:7:runs'];
    const scopes = [events, 'runtime.run_summaries'];
    const asked = { scopes, topics, ttl_seconds: 5000 };
    const { status, body } = await call('POST', khala.url + path, asked, { 'x-khala-user': '7' });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      expires_in: 900,
      subject: 'user:7',
      audience: 'openagents-sync',
      claims_version: 'oa_sync_claims_v1',
      scopes,
      granted_topics: [
        { topic: topics[0], required_scope: events },
        { topic: topics[1], required_scope: 'runtime.run_summaries' },
      ],
      token_id: expect.stringMatching(/^sync_/),
      device_id: 'device-7',
    });
    const refused = async (more: object) => (await call('POST', khala.url + path, { ...asked, ...more })).status;
    expect(await refused({ scopes: ['x'] })).toBe(422);
    expect(await refused({ topics: ['user:8:runs'] })).toBe(403);
    expect(await refused({ topics: [], device_id: 'another' })).toBe(403);
    expect(await refused({ topics: [], ttl_seconds: 'x' })).toBe(422);
  });

  test('asks who is there when there are users', async () => {
    const closed = await startKhala({ users: { alice: { user_id: '1' }, pat: { user_id: '1', pat: true } } });
    others.push(closed);
    const ask = (bearer: string, body = {}) =>
      call('POST', `${closed.url}/api/sync/token`, body, { authorization: `Bearer ${bearer}` });
    expect((await ask('nobody')).status).toBe(401);
    expect((await ask('toString')).status).toBe(401);
    expect((await ask('alice', { device_id: 'x' })).status).toBe(403);
    expect((await ask('pat', { device_id: 'x' })).body.data).toMatchObject({ device_id: 'x', subject: 'user:1' });
  });
});

describe('revocation', () => {
  const revoke = (body: object) => call('POST', `${khala.url}/internal/v1/sync/sessions/revoke`, body);

  test('tells live channels under the pseudo topic and stops them, and refuses joins for 15 minutes', async () => {
    const mine = await follow(khala, 0, { token: khala.token({ user: { user_id: '1', session_id: 's1' } }) });
    const other = await follow(khala, 0, { token: khala.token({ user: { user_id: '2' } }) });
    expect(await revoke({ session_ids: ['s1'], reason: 'signed_out' })).toMatchObject({
      status: 200,
      body: {
        data: {
          revoked_session_ids: ['s1'],
          revoked_device_ids: [],
          reason: 'signed_out',
          revoked_at: '2026-01-01T00:00:00.000Z',
        },
      },
    });
    const error = {
      code: 'reauth_required',
      message: expect.any(String),
      reauth_required: true,
      reason: 'signed_out',
    };
    await mine.until('phx_error');
    const messages = mine.fresh();
    expect(names(messages)).toEqual(['sync:error', 'sync:frame', 'phx_error']);
    expect(messages[0]?.[4]).toEqual(error);
    expect(messages[1]?.[4]).toMatchObject({ topic: 'sync.auth', seq: 0, kind: 'KHALA_FRAME_KIND_ERROR' });
    expect(other.fresh()).toEqual([]);

    const rejoin = async () => {
      const token = khala.token({ user: { user_id: '1', session_id: 's1' } });
      return (await connect(socketUrl(khala, { token }))).join();
    };
    expect(await rejoin()).toEqual({ status: 'error', response: error });
    const mint = await call('POST', `${khala.url}/api/khala/token`, {}, { 'x-khala-session': 's1' });
    expect(mint).toMatchObject({ status: 401, body: { error: { code: 'reauth_required' } } });
    ports.advance(900_000);
    expect((await rejoin()).status).toBe('ok');
  });

  test('works by device and by method, and wants at least one', async () => {
    const client = await follow(khala, 0, { token: khala.token({ device_id: 'd1' }) });
    expect(await revoke({ session_ids: [], device_ids: [] })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
    expect((await revoke({ session_ids: [7] })).status).toBe(400);
    khala.revoke({ device_ids: ['d1'] });
    await client.until('phx_error');
    expect(client.fresh()[0]?.[4]).toMatchObject({ reason: 'session_revoked' });
  });
});

describe('the window of clients', () => {
  const good = { client_build_id: '20260201T000000Z', protocol_version: 'khala.ws.v1', schema_version: '1' };
  const cases: [string, Record<string, string>][] = [
    ['invalid_client_build', { client_build_id: 'x', protocol_version: 'y', schema_version: '9' }],
    ['unsupported_protocol_version', { ...good, protocol_version: 'khala.ws.v2', schema_version: '9' }],
    ['unsupported_schema_version', { ...good, schema_version: '2', client_build_id: '20250101T000000Z' }],
    ['unsupported_schema_version', { ...good, schema_version: 'one' }],
    ['upgrade_required', { ...good, client_build_id: '20250101T000000Z' }],
    ['unsupported_client_build', { ...good, client_build_id: '20270101T000000Z' }],
  ];
  const compatibility = { min_client_build_id: '20260101T000000Z', max_client_build_id: '20261231T000000Z' };
  let strict: KhalaServer;
  beforeEach(async () => {
    strict = await startKhala({ compatibility });
    others.push(strict);
  });

  test.each(cases)('refuses %s at the join and with 426', async (code, says) => {
    const expected = {
      code,
      message: expect.any(String),
      retryable: false,
      upgrade_required: true,
      min_client_build_id: '20260101T000000Z',
      max_client_build_id: '20261231T000000Z',
      min_schema_version: 1,
      max_schema_version: 1,
      protocol_version: 'khala.ws.v1',
    };
    const client = await connect(socketUrl(strict, says));
    expect(await client.join()).toEqual({ status: 'error', response: { ...expected, surface: 'khala_websocket' } });
    const headers = Object.fromEntries(
      Object.entries(says).map(([name, value]) => [`x-oa-${name.replaceAll('_', '-')}`, value]),
    );
    const http = await call('POST', `${strict.url}/api/khala/token`, {}, headers);
    expect(http).toMatchObject({ status: 426, body: { error: { code }, compatibility: expected } });
    expect(http.headers.get('x-oa-compatibility-code')).toBe(code);
    expect(http.headers.get('x-oa-compatibility-min-client-build-id')).toBe('20260101T000000Z');
    expect(http.headers.get('x-oa-compatibility-max-schema-version')).toBe('1');
  });

  test('takes clients inside it, by URL or by claims', async () => {
    expect((await (await connect(socketUrl(strict, good))).join()).status).toBe('ok');
    const claimed = Object.fromEntries(Object.entries(good).map(([name, value]) => [`oa_${name}`, value]));
    const token = strict.token({ claims: claimed });
    const client = await connect(socketUrl(strict, { token }));
    expect((await client.join()).status).toBe('ok');
    await waitFor(() => strict.counters.joins === 2, { describe: 'two joins' });
  });
});
