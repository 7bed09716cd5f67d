import { SyncError } from '@autopilot/sync-contract';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { npubEncode } from 'nostr-tools/nip19';
import { createClientRegistry } from '../../src/config/client-registry.ts';
import { identityOf } from '../../src/identity.ts';
import { createChallenges, defaultChallengeLimits } from '../../src/nostr/challenges.ts';
import type { ControlOptions } from '../../src/options.ts';
import { defaultRetention, sweepStore } from '../../src/store/housekeeping.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { clients, compatible, type Harness, issuer, startHarness } from '../support/harness.ts';
import { type Asked, bindingTemplate, nostrKey } from '../support/nostr.ts';
import type { NewPlace, Place } from '../support/place.ts';
import { ScriptedDatabase } from '../support/scripted-database.ts';

/** How Nostr keys are bound, on every kind of store. */
export function nostrSuite(place: NewPlace): void {
  const [ada, eve] = [nostrKey('ada'), nostrKey('eve')];
  const mine = identityOf(issuer, 'user-desktop');
  const start = 1_800_000_000_000;
  let where: Place;
  let ports: ManualPorts;
  let database: ScriptedDatabase;
  let it: Harness;
  const running: Harness[] = [];

  beforeEach(async () => {
    where = await place();
    ports = manualPorts({ start });
    database = new ScriptedDatabase();
    it = await startAgain();
  });
  afterEach(async () => {
    for (const each of running.splice(0)) await each.control.close();
  });

  async function startAgain(options: Partial<ControlOptions> = {}): Promise<Harness> {
    const nostrLimit = { burst: 1_000, perMinute: 1_000 };
    const harness = await startHarness({ ...where, ports, scripted: database, nostrLimit, ...options });
    running.push(harness);
    return harness;
  }

  /** What the store of a control says after its end. */
  async function inStore<T>(read: (store: Store) => Promise<T>): Promise<T> {
    for (const each of running.splice(0)) await each.control.close();
    const store = await openStore({ dataDir: where.dataDir, url: where.store });
    try {
      return await read(store);
    } finally {
      await store.close();
    }
  }

  const now = () => ports.clock.now() / 1_000;
  const ask = async (as = 'desktop'): Promise<Asked> =>
    (await it.request('POST', '/v1/nostr/challenges', { as, body: {} })).body;
  const post = (event: unknown, as = 'desktop') => it.request('POST', '/v1/nostr/bindings', { as, body: { event } });
  const release = (pubkey: string, as = 'desktop') => it.request('DELETE', `/v1/nostr/bindings/${pubkey}`, { as });
  const signed = (asked: Asked, key = ada) => key.sign(bindingTemplate(asked, now()));

  describe('POST /v1/nostr/challenges', () => {
    test('I15 gives 32 bytes of chance, for whom, for what and until when', async () => {
      const { status, body, headers } = await it.request('POST', '/v1/nostr/challenges', { as: 'desktop' });
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(body).toEqual({
        challenge: expect.stringMatching(/^[0-9a-f]{64}$/),
        domain: 'openagents:nostr-presence-bind:v1',
        identity: mine,
        expires_at: start / 1_000 + 300,
      });
      expect((await ask()).challenge).not.toBe(body.challenge);
    });

    test('I15 is for a client that may subscribe, and for its own subject', async () => {
      const request = (init: object) => it.request('POST', '/v1/nostr/challenges', init);
      expect((await request({})).body.code).toBe('unauthorized');
      expect((await request({ as: 'desktop', secret: 'guess' })).body.code).toBe('unauthorized');
      expect((await request({ as: 'nobody' })).body.code).toBe('forbidden');
      expect((await request({ as: 'desktop', body: { subject: 'user-desktop' } })).status).toBe(200);
      expect((await request({ as: 'desktop', body: { subject: 'user-narrow' } })).body.code).toBe('forbidden');
      expect((await request({ as: 'desktop', body: { pubkey: ada.pubkey } })).body.code).toBe('invalid_request');
    });

    test('I16 a client has so many at a time, and all together so many', async () => {
      await it.control.close();
      it = await startAgain({ challenges: { perClient: 3, overall: 4 } });
      for (let n = 0; n < 3; n += 1) expect((await ask()).challenge).toBeDefined();
      ports.advance(60_000);
      const { status, body, headers } = await it.request('POST', '/v1/nostr/challenges', { as: 'desktop' });
      expect([status, body.code, headers.get('retry-after')]).toEqual([429, 'rate_limited', '240']);
      expect((await ask('narrow')).challenge).toBeDefined();
      const full = await it.request('POST', '/v1/nostr/challenges', { as: 'narrow' });
      expect([full.status, full.body.code]).toEqual([429, 'rate_limited']);
      ports.advance(240_000);
      expect((await ask()).challenge).toBeDefined();
    });

    test('I16 what is over is deleted five minutes later, with the next question or by the hourly sweep', async () => {
      const rows = (store: Store) => store.db.selectFrom('nostr_challenge').select('challenge').execute();
      const first = await ask();
      ports.advance(599_000);
      const second = await ask();
      expect((await inStore(rows)).map((row) => row.challenge).sort()).toEqual(
        [first.challenge, second.challenge].sort(),
      );
      it = await startAgain();
      ports.advance(1_000);
      const third = await ask();
      expect((await inStore(rows)).map((row) => row.challenge).sort()).toEqual(
        [second.challenge, third.challenge].sort(),
      );
      ports.advance(600_000);
      const swept = inStore(async (store) => {
        await sweepStore(store, defaultRetention, ports.clock.now());
        return await rows(store);
      });
      expect(await swept).toEqual([]);
    });
  });

  describe('POST /v1/nostr/bindings', () => {
    test('I14 binds the key that signed to the identity that asked, and says so', async () => {
      const event = signed(await ask());
      ports.advance(5_000);
      const { status, body } = await post(event);
      expect([status, body]).toEqual([
        200,
        { pubkey: ada.pubkey, identity: mine, bound_at: Math.floor(start / 1_000) + 5 },
      ]);
      expect([...database.keysBound]).toEqual([[ada.pubkey, { identity: mine, proof: event.id }]]);
    });

    type Template = ReturnType<typeof bindingTemplate>;
    type Change = (event: Template) => Template;
    const without =
      (name: string): Change =>
      (event) => ({ ...event, tags: event.tags.filter(([first]) => first !== name) });
    const plus =
      (...tag: string[]): Change =>
      (event) => ({ ...event, tags: [...event.tags, tag] });
    const instead =
      (...tag: string[]): Change =>
      (event) =>
        plus(...tag)(without(tag[0] ?? '')(event));
    const unfit: [string, string, Change][] = [
      ['another kind', 'kind', (event) => ({ ...event, kind: 1 })],
      ['no u', 'u', without('u')],
      ['another u', 'u', instead('u', 'https://elsewhere.example/v1/nostr/bindings')],
      ['u with a query', 'u', instead('u', `${issuer}/v1/nostr/bindings?x=1`)],
      ['no method', 'method', without('method')],
      ['another method', 'method', instead('method', 'GET')],
      ['no challenge', 'challenge', without('challenge')],
      ['a challenge without a value', 'challenge', instead('challenge')],
      ['a challenge of another form', 'challenge', instead('challenge', 'A'.repeat(64))],
      ['two challenges', 'challenge', plus('challenge', 'a'.repeat(64))],
      ['a challenge with two values', 'challenge', instead('challenge', 'a'.repeat(64), 'more')],
      ['no identity', 'identity', without('identity')],
      ['another identity', 'identity', instead('identity', 'c2'.repeat(32))],
      ['two identities', 'identity', plus('identity', 'c2'.repeat(32))],
      ['no domain', 'domain', without('domain')],
      ['another domain', 'domain', instead('domain', 'other:v1')],
      ['two domains', 'domain', plus('domain', 'other:v1')],
    ];
    test.each(unfit)('I14 refuses an event with %s', async (_what, member, change) => {
      const asked = await ask();
      const { status, body } = await post(ada.sign(change(bindingTemplate(asked, now()))));
      expect([status, body.code, body.details]).toEqual([400, 'event_unfit', { member }]);
      expect(database.keysBound.size).toBe(0);
      // Nothing was used up.
      expect((await post(signed(asked))).status).toBe(200);
    });

    test('I14 refuses what its key has not signed', async () => {
      const asked = await ask();
      const event = signed(asked);
      const others = [
        { ...event, pubkey: eve.pubkey },
        { ...event, content: 'more' },
        { ...event, sig: signed(asked, eve).sig },
        { ...signed(asked, eve), pubkey: ada.pubkey },
        { ...event, id: 'f'.repeat(64) },
      ];
      for (const forged of others) {
        const { status, body } = await post(forged);
        expect([status, body.code]).toEqual([400, 'event_forged']);
      }
      expect(database.keysBound.size).toBe(0);
      expect((await post(event)).status).toBe(200);
    });

    test('I14 refuses what is no event, and an npub with what to give instead', async () => {
      const event = signed(await ask());
      const wrong = [undefined, null, 'text', 5, [], {}, { ...event, sig: 'x' }, { ...event, tags: [[1]] }];
      for (const value of wrong) expect((await post(value)).body.code).toBe('invalid_request');
      const npub = npubEncode(ada.pubkey);
      for (const { status, body } of [await post({ ...event, pubkey: npub }), await release(npub)]) {
        expect([status, body.code, body.details]).toEqual([400, 'invalid_request', { member: 'pubkey' }]);
        expect(body.message).toBe('pubkey is an npub: give the 64 lowercase hex digits that it stands for.');
      }
      expect((await release(ada.pubkey.toUpperCase())).body).toMatchObject({ code: 'invalid_request' });
      const more = await it.request('POST', '/v1/nostr/bindings', { as: 'desktop', body: { event, more: 1 } });
      expect(more.body.code).toBe('invalid_request');
      const large = await post({ ...event, content: 'x'.repeat(20_000) });
      expect([large.status, large.body.code]).toEqual([413, 'payload_too_large']);
    });

    test('I14 refuses an event that is more than a minute from now', async () => {
      const asked = await ask();
      for (const seconds of [-61, 61]) {
        const { status, body } = await post(ada.sign(bindingTemplate(asked, now() + seconds)));
        expect([status, body.code, body.details]).toEqual([400, 'event_out_of_time', { now: start / 1_000 }]);
      }
      expect((await post(ada.sign(bindingTemplate(asked, now() - 60)))).status).toBe(200);
      expect((await post(eve.sign(bindingTemplate(await ask(), now() + 60)))).status).toBe(200);
    });

    test('I15 refuses a challenge that control has not made, that is over, or that is of another client', async () => {
      const asked = await ask();
      const unknown = await post(signed({ ...asked, challenge: 'a'.repeat(64) }));
      expect([unknown.status, unknown.body.code]).toEqual([404, 'challenge_unknown']);
      const theirs = await ask('narrow');
      const foreign = await post(signed({ ...theirs, identity: asked.identity }));
      expect([foreign.status, foreign.body.code]).toEqual([403, 'challenge_foreign']);
      // Nor may another client post what was signed for this one.
      expect((await post(signed(asked), 'narrow')).body).toMatchObject({ code: 'event_unfit' });
      ports.advance(299_999);
      const last = await ask();
      ports.advance(1);
      const over = await post(signed(asked));
      expect([over.status, over.body.code]).toEqual([409, 'challenge_expired']);
      expect(database.keysBound.size).toBe(0);
      expect((await post(signed(last))).status).toBe(200);
    });

    test('I15 takes an event once', async () => {
      const event = signed(await ask());
      expect((await post(event)).status).toBe(200);
      const again = await post(event);
      expect([again.status, again.body.code]).toEqual([409, 'challenge_used']);
      await release(ada.pubkey);
      expect((await post(event)).body.code).toBe('challenge_used');
      expect(database.keysBound.size).toBe(0);
      // Also for whom it was not made.
      const other = { challenge: event.tags[2][1], domain: event.tags[4][1], expires_at: 0 };
      const theirs = await post(signed({ ...other, identity: identityOf(issuer, 'user-narrow') }), 'narrow');
      expect(theirs.body.code).toBe('challenge_used');
    });

    test('I15 of two that use one challenge at the same time one wins', async () => {
      for (let round = 0; round < 10; round += 1) {
        const asked = await ask();
        const answers = await Promise.all([ada, eve].map((key) => post(signed(asked, key))));
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
        expect(database.keysBound.size).toBe(1);
        for (const key of [ada, eve]) await release(key.pubkey);
      }
    });

    test('I15 the module refuses, or cannot be asked: the challenge is spent, and a new one makes it good', async () => {
      database.bindFault = () => new SyncError('unavailable', 'not sent');
      const event = signed(await ask());
      const failed = await post(event);
      expect([failed.status, failed.body.code]).toEqual([503, 'unavailable']);
      database.bindFault = () => undefined;
      expect((await post(event)).body.code).toBe('challenge_used');
      expect((await post(signed(await ask()))).status).toBe(200);
      // Bound, and the answer got lost: once more is no error.
      database.bindFault = () => 'lost-answer';
      expect((await post(signed(await ask(), eve))).status).toBe(503);
      database.bindFault = () => undefined;
      expect((await post(signed(await ask(), eve))).status).toBe(200);
      expect([...database.keysBound.keys()].sort()).toEqual([ada.pubkey, eve.pubkey].sort());
    });

    test('I15 a control that dies between the two is as if the challenge had never been asked for', async () => {
      const asked = await ask();
      const event = signed(asked);
      await inStore(async (store) => {
        const client = createClientRegistry(clients, issuer).byId('desktop');
        if (client === undefined) throw new Error('no client');
        const challenges = createChallenges(store, ports.clock, ports.random, defaultChallengeLimits);
        await challenges.spend({ pubkey: ada.pubkey, event_id: event.id, challenge: asked.challenge }, client);
      });
      it = await startAgain();
      expect(database.keysBound.size).toBe(0);
      expect((await post(event)).body.code).toBe('challenge_used');
      expect((await post(signed(await ask()))).status).toBe(200);
    });

    test('I15 while the database is away nothing is used up', async () => {
      const event = signed(await ask());
      it.sink.become('backoff');
      const away = await post(event);
      expect([away.status, away.body.code]).toEqual([503, 'unavailable']);
      it.sink.become('live');
      expect((await post(event)).status).toBe(200);
    });

    test('I14 a key of another identity stays with it', async () => {
      expect((await post(signed(await ask('narrow')), 'narrow')).status).toBe(200);
      const { status, body } = await post(signed(await ask()));
      expect([status, body.code, body.next]).toEqual([409, 'conflict', expect.any(String)]);
      expect(database.keysBound.get(ada.pubkey)?.identity).toBe(identityOf(issuer, 'user-narrow'));
    });
  });

  describe('DELETE /v1/nostr/bindings/:pubkey', () => {
    test('I14 is for the identity that has the key', async () => {
      await post(signed(await ask()));
      const foreign = await release(ada.pubkey, 'narrow');
      expect([foreign.status, foreign.body.code]).toEqual([403, 'forbidden']);
      expect(database.keysBound.size).toBe(1);
      for (let round = 0; round < 2; round += 1) {
        const { status, body } = await release(ada.pubkey);
        expect([status, body]).toEqual([200, { pubkey: ada.pubkey, identity: mine }]);
      }
      expect(database.keysBound.size).toBe(0);
      expect((await it.request('DELETE', `/v1/nostr/bindings/${ada.pubkey}`)).status).toBe(401);
      // Free for others now.
      expect((await post(signed(await ask('narrow')), 'narrow')).status).toBe(200);
    });
  });

  test('I16 a client that asks too often has to wait', async () => {
    await it.control.close();
    it = await startAgain({ nostrLimit: { burst: 2, perMinute: 6 } });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await release(ada.pubkey)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await it.request('POST', '/v1/nostr/challenges', { as: 'desktop' })).headers.get('retry-after')).toBe('10');
    expect((await ask('narrow')).challenge).toBeDefined();
  });

  test('I14 every answer is in the audit log, what was proved in the transaction that used the challenge', async () => {
    const asked = await ask();
    const event = signed(asked);
    database.bindFault = () => new SyncError('conflict', 'another identity');
    await post(event);
    database.bindFault = () => undefined;
    await post(signed(await ask()));
    await release(ada.pubkey);
    await post({ ...event, content: 'x' });
    const { token } = (await it.request('POST', '/v1/sync/token', { as: 'desktop', body: compatible })).body;
    for (const bearer of [token, 'x']) {
      await it.request('POST', '/v1/nostr/bindings', { bearer, body: { event: { ...event, content: 'x' } } });
    }
    const rows = await inStore(({ db }) => db.selectFrom('audit_event').selectAll().orderBy('id').execute());
    const told = rows.filter(({ event: kind }) => kind.startsWith('nostr.'));
    expect(told.map((row) => [row.event, row.client_id, row.reason])).toEqual([
      ['nostr.challenged', 'desktop', 'issued'],
      ['nostr.proved', 'desktop', 'proved'],
      ['nostr.refused', 'desktop', 'conflict'],
      ['nostr.challenged', 'desktop', 'issued'],
      ['nostr.proved', 'desktop', 'proved'],
      ['nostr.bound', 'desktop', 'bound'],
      ['nostr.unbound', 'desktop', 'asked'],
      ['nostr.refused', 'desktop', 'event_forged'],
      ['nostr.refused', 'desktop', 'event_forged'],
      ['nostr.refused', null, 'unauthorized'],
    ]);
    expect(JSON.parse(told[1]?.details ?? '')).toEqual({
      pubkey: ada.pubkey,
      event_id: event.id,
      challenge: asked.challenge,
    });
  });
}
