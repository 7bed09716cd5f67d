import { afterEach, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { generateKey } from '../../src/issuer/key-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { compatible, eventsFor, type Harness, issuer, startHarness } from '../support/harness.ts';
import type { NewPlace } from '../support/place.ts';
import { ScriptedDatabase } from '../support/scripted-database.ts';
import { waitUntil } from '../support/wait-until.ts';

/** What POST /v1/projections must do on every kind of store. */
export function projectionsSuite(place: NewPlace): void {
  const open: Harness[] = [];

  async function start(overrides: Parameters<typeof startHarness>[0] = {}): Promise<Harness> {
    const made = await startHarness({ ...(await place()), ...overrides });
    open.push(made);
    return made;
  }

  afterEach(async () => {
    for (const each of open.splice(0)) await each.control.close();
  });

  const post = (it: Harness, events: unknown, as = 'feed') =>
    it.request('POST', '/v1/projections', { as, body: { events } });

  const status = async (it: Harness) => (await it.request('GET', '/v1/projections/status', { as: 'operator' })).body;

  describe('POST /v1/projections', () => {
    test('I1 answers 202 and delivers in order', async () => {
      const it = await start();
      const answer = await post(it, eventsFor('run:1', 0, 500));
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ accepted: 500, duplicates: 0 });
      expect(answer.body.events[499]).toEqual({
        index: 499,
        stream_id: 'runtime.run.1',
        idempotency_key: 'k499',
        outcome: 'accepted',
        state: 'pending',
      });
      await waitUntil(async () => (await status(it)).delivered === 500);
      expect(it.database.keys('runtime.run.1')).toEqual(Array.from({ length: 500 }, (_, index) => `k${index}`));
      expect(await status(it)).toMatchObject({
        pending: 0,
        in_flight: 0,
        duplicates: 0,
        dead: 0,
        streams: [
          {
            stream_id: 'runtime.run.1',
            epoch: it.database.epochs.get('runtime.run.1'),
            last_seq: '500',
            chain: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
        ],
        parked: [],
        stalled: [],
      });
    });

    test('I1 does not wait for the database, and a restart loses nothing', async () => {
      const scripted = new ScriptedDatabase();
      const where = await place();
      const it = await startHarness({ scripted, ...where, offline: true });
      expect((await post(it, eventsFor('run:1', 0, 20))).status).toBe(202);
      expect(await status(it)).toMatchObject({ pending: 20, delivered: 0 });
      await it.control.close();
      const again = await start({ scripted, ...where });
      await waitUntil(async () => (await status(again)).delivered === 20);
      expect(scripted.keys('runtime.run.1').length).toBe(20);
    });

    test('takes a stream id as well as a topic', async () => {
      const it = await start({ offline: true });
      const [event] = eventsFor('run:1', 0, 1);
      const { topic: _topic, ...rest } = event ?? {};
      const first = await post(it, [{ ...rest, stream_id: 'runtime.run.1' }]);
      expect(first.status).toBe(202);
      expect((await post(it, [event])).body).toMatchObject({ accepted: 0, duplicates: 1 });
    });

    test('names every malformed item and accepts nothing', async () => {
      const it = await start({ offline: true });
      const good = eventsFor('run:1', 0, 1)[0];
      const answer = await post(it, [
        good,
        { ...good, topic: undefined },
        { ...good, stream_id: 'runtime.run.1' },
        { ...good, topic: undefined, stream_id: 'not a stream' },
        { ...good, payload: { n: 2 ** 60 } },
        { ...good, payload: 'x'.repeat(256 * 1024) },
        { ...good, kind: '' },
        { ...good, surprise: 1 },
        'text',
      ]);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: 'invalid_request', next: expect.any(String) });
      expect(answer.body.details.items.map((item: { index: number; code: string }) => [item.index, item.code])).toEqual(
        [
          [1, 'invalid_request'],
          [2, 'invalid_request'],
          [3, 'invalid_stream_id'],
          [4, 'unrepresentable'],
          [5, 'payload_too_large'],
          [6, 'invalid_request'],
          [7, 'invalid_request'],
          [8, 'invalid_request'],
        ],
      );
      expect((await status(it)).pending).toBe(0);
    });

    test('refuses an empty list, too many events, too many bytes, other types and broken JSON', async () => {
      const it = await start({ offline: true });
      expect((await post(it, [])).body.code).toBe('invalid_request');
      expect((await post(it, eventsFor('run:1', 0, 501))).status).toBe(400);
      const large = Array.from({ length: 5 }, (_, n) => ({
        ...eventsFor('run:1', n, 1)[0],
        payload: 'x'.repeat(250_000),
      }));
      expect(await post(it, large)).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
      const asText = { as: 'feed', rawBody: 'hello', type: 'text/plain' };
      expect(await it.request('POST', '/v1/projections', asText)).toMatchObject({
        status: 415,
        body: { code: 'unsupported_media_type' },
      });
      const broken = { as: 'feed', rawBody: '{"events":[' };
      expect(await it.request('POST', '/v1/projections', broken)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
      const poisoned = { as: 'feed', rawBody: '{"events":[{"__proto__":{}}]}' };
      expect(await it.request('POST', '/v1/projections', poisoned)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
      expect((await it.request('POST', '/v1/projections', { as: 'feed' })).status).toBe(400);
      expect((await status(it)).pending).toBe(0);
    });

    test('I2 the same event again is a duplicate, before and after delivery', async () => {
      const it = await start();
      it.sink.become('backoff');
      const events = eventsFor('run:1', 0, 3);
      await post(it, events);
      expect((await post(it, [...events, ...eventsFor('run:1', 3, 1)])).body).toMatchObject({
        accepted: 1,
        duplicates: 3,
      });
      const twice = await post(it, [...eventsFor('run:1', 4, 1), ...eventsFor('run:1', 4, 1)]);
      expect(twice.body).toMatchObject({ accepted: 1, duplicates: 1 });
      it.sink.become('live');
      await waitUntil(async () => (await status(it)).delivered === 5);
      const { body } = await post(it, events);
      expect(body.events[2]).toEqual({
        index: 2,
        stream_id: 'runtime.run.1',
        idempotency_key: 'k2',
        outcome: 'duplicate',
        state: 'delivered',
        epoch: it.database.epochs.get('runtime.run.1'),
        seq: '3',
      });
      expect(it.database.keys('runtime.run.1')).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
    });

    test('I2 a key with another payload or kind is a conflict, and nothing of the request is accepted', async () => {
      const it = await start();
      await post(it, eventsFor('run:1', 0, 1));
      await waitUntil(async () => (await status(it)).delivered === 1);
      const other = { ...eventsFor('run:1', 0, 1)[0], payload: { n: 'other' } };
      const answer = await post(it, [...eventsFor('run:1', 1, 1), other]);
      expect(answer.status).toBe(409);
      expect(answer.body).toMatchObject({
        code: 'idempotency_conflict',
        details: { items: [{ index: 1, code: 'idempotency_conflict' }] },
      });
      const within = await post(it, [...eventsFor('run:1', 7, 1), { ...eventsFor('run:1', 7, 1)[0], kind: 'other' }]);
      expect(within.status).toBe(409);
      expect(await status(it)).toMatchObject({ pending: 0, delivered: 1 });
      // The same key on another stream is another event.
      expect((await post(it, eventsFor('run:2', 0, 1))).body.accepted).toBe(1);
    });

    test('refuses more than the outbox may hold, and loses nothing of what it holds', async () => {
      const it = await start({ offline: true, outboxCapacity: 5 });
      expect((await post(it, eventsFor('run:1', 0, 4))).status).toBe(202);
      expect(await post(it, eventsFor('run:1', 4, 2))).toMatchObject({ status: 503, body: { code: 'outbox_full' } });
      // A repetition needs no room.
      expect((await post(it, eventsFor('run:1', 0, 4))).body).toMatchObject({ accepted: 0, duplicates: 4 });
      expect((await status(it)).pending).toBe(4);
    });

    test('needs the scope, the pattern and the role', async () => {
      const it = await start({ offline: true });
      expect(await post(it, eventsFor('run:1', 0, 1), 'desktop')).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
      expect(await post(it, eventsFor('secret', 0, 1))).toMatchObject({
        status: 403,
        body: { code: 'forbidden', details: { items: [{ index: 0, code: 'forbidden' }] } },
      });
      // A reader, though it has the scope.
      expect((await post(it, eventsFor('run:1', 0, 1), 'operator')).status).toBe(403);
      expect((await status(it)).pending).toBe(0);
    });
  });

  describe('bearer tokens', () => {
    const body = { events: eventsFor('run:1', 0, 1) };

    test('a token of this issuer with the scope is as good as the secret', async () => {
      const it = await start({ offline: true });
      const own = await it.request('POST', '/v1/sync/token', { as: 'feed', body: { ...compatible, streams: [] } });
      expect((await it.request('POST', '/v1/projections', { bearer: own.body.token, body })).status).toBe(202);
      const reader = await it.request('POST', '/v1/sync/token', {
        as: 'desktop',
        body: { ...compatible, streams: [] },
      });
      expect((await it.request('POST', '/v1/projections', { bearer: reader.body.token, body })).status).toBe(403);
    });

    test('forged, foreign, expired, early and altered tokens are refused, and nothing is accepted', async () => {
      const it = await start({ offline: true });
      const own = await it.request('POST', '/v1/sync/token', { as: 'feed', body: { ...compatible, streams: [] } });
      const jwks = await it.request('GET', '/.well-known/jwks.json');
      const kid = jwks.body.keys[0].kid as string;
      const foreign = await generateKey('current', 0);
      const now = Math.floor(Date.now() / 1_000);
      const claims = {
        iss: issuer,
        sub: 'user-feed',
        aud: 'autopilot-sync',
        scope: 'sync.project',
        iat: now,
        exp: now + 600,
      };
      const forge = (payload: object, header: object = {}) =>
        new SignJWT({ ...payload })
          .setProtectedHeader({ alg: 'ES256', kid, ...header })
          .sign(JSON.parse(foreign.private_jwk));
      const [head, payload, signature] = own.body.token.split('.') as [string, string, string];
      const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
      const shared = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid })
        .sign(Buffer.from(JSON.stringify(jwks.body.keys[0])));
      const raised = Buffer.from(JSON.stringify({ ...claims, scope: 'sync.project sync.admin' })).toString('base64url');
      const attempts = {
        'another key under our kid': await forge(claims),
        'an unknown kid': await forge(claims, { kid: foreign.kid }),
        'no signature': none,
        'a shared secret made of the public key': shared,
        'an altered payload': `${head}.${raised}.${signature}`,
        'not a token': 'x.y.z',
      };
      for (const [name, token] of Object.entries(attempts)) {
        const answer = await it.request('POST', '/v1/projections', { bearer: token, body });
        expect([name, answer.status, answer.body.code]).toEqual([name, 401, 'unauthorized']);
      }
      expect((await status(it)).pending).toBe(0);
    });

    test('a token of our own key with wrong claims is refused by code', async () => {
      const where = await place();
      const it = await start({ ...where, offline: true });
      await it.control.close();
      const store = await openStore({ dataDir: where.dataDir, url: where.store });
      const row = await store.db
        .selectFrom('signing_key')
        .selectAll()
        .where('state', '=', 'current')
        .executeTakeFirstOrThrow();
      await store.close();
      const again = await start({ ...where, offline: true });
      const now = Math.floor(Date.now() / 1_000);
      const good = {
        iss: issuer,
        sub: 'user-feed',
        aud: 'autopilot-sync',
        scope: 'sync.project',
        iat: now,
        exp: now + 600,
      };
      const sign = (claims: object) =>
        new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: row.kid }).sign(JSON.parse(row.private_jwk));
      const codeFor = async (claims: object) =>
        (await again.request('POST', '/v1/projections', { bearer: await sign(claims), body })).body.code;
      expect(await codeFor({ ...good, exp: now - 1 })).toBe('token_expired');
      expect(await codeFor({ ...good, nbf: now + 100 })).toBe('token_not_yet_valid');
      expect(await codeFor({ ...good, aud: 'somebody-else' })).toBe('unauthorized');
      expect(await codeFor({ ...good, iss: 'https://other.example' })).toBe('unauthorized');
      expect(await codeFor({ ...good, exp: undefined })).toBe('unauthorized');
      expect(await codeFor({ ...good, sub: 'user-gone' })).toBe('unauthorized');
      // A scope that the client does not have (any more) is worth nothing in its token.
      expect(await codeFor({ ...good, sub: 'user-desktop' })).toBe('forbidden');
      expect((await again.request('POST', '/v1/projections', { bearer: await sign(good), body })).status).toBe(202);
    });
  });
}
