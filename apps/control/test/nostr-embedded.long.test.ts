import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import { createSession, decodeMyNostrKey, nodeSocketFactory, viewQueries } from '@autopilot/session';
import { startEmbedded } from '@autopilot/spacetime-embedded';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { freePort } from '@autopilot/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { identityOf } from '../src/identity.ts';
import { atEnd } from './support/cleanup.ts';
import { clients, compatible, type Harness, startHarness } from './support/harness.ts';
import { bindingTemplate, nostrKey } from './support/nostr.ts';
import { waitUntil } from './support/wait-until.ts';

// From the question to the row that the client sees: control, the module in an embedded host, and keys that sign with a
// library that is not ours.

const database = 'autopilot-nostr';
let it: Harness;
let issuer: string;
let session: ReturnType<typeof createSession>;

beforeAll(async () => {
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  const host = await startEmbedded({
    module: await buildBundle(),
    database,
    owner: identityOf(issuer, 'control-owner'),
    listen: '127.0.0.1:0',
  });
  atEnd(() => host.close());
  it = await startHarness({
    issuer,
    port,
    spacetime: host.url,
    database,
    openGateway: undefined,
    clients,
    nostrLimit: { burst: 100, perMinute: 100 },
  });
  await waitUntil(async () => (await it.request('GET', '/healthz')).body.sink.state === 'live');
  session = createSession({
    token: async () => {
      const { body } = await it.request('POST', '/v1/sync/token', { as: 'desktop', body: compatible });
      return { token: body.token, expires_at: body.expires_at * 1_000, uri: body.uri, database: body.database };
    },
    ports: systemPorts,
    http: systemHttp,
    socket: nodeSocketFactory,
    clientId: 'desktop-1',
    readMode: 'confirmed',
  });
  session.start();
}, 30_000);
afterAll(async () => {
  await session.close();
});

const now = () => Date.now() / 1_000;
const post = (event: unknown, as = 'desktop') => it.request('POST', '/v1/nostr/bindings', { as, body: { event } });

async function bind(key: ReturnType<typeof nostrKey>, as = 'desktop') {
  const { body: asked } = await it.request('POST', '/v1/nostr/challenges', { as });
  const event = key.sign(bindingTemplate(asked, now(), `${issuer}/v1/nostr/bindings`));
  return { event, answer: await post(event, as) };
}

describe('Nostr keys, with an embedded host', () => {
  test('I14, I15: a client sees the key that it has bound, nobody can take it, and it goes when it is released', async () => {
    const ada = nostrKey('ada');
    const keys = session.subscribe([viewQueries.myNostrKeys], { batch: () => {} }, (_view, row) =>
      decodeMyNostrKey(row.readRest()),
    );
    await waitUntil(() => keys.state === 'applied');
    const identity = identityOf(issuer, 'user-desktop');
    const { event, answer } = await bind(ada);
    expect([answer.status, answer.body]).toEqual([200, { pubkey: ada.pubkey, identity, bound_at: expect.any(Number) }]);
    await waitUntil(() => keys.rows('my_nostr_keys').length === 1);
    expect(keys.rows('my_nostr_keys')).toEqual([{ pubkey: ada.pubkey, proof: event.id, bound_at: expect.any(BigInt) }]);
    expect(session.status().identity).toBe(identity);

    expect((await post(event)).body.code).toBe('challenge_used');
    const taken = await bind(ada, 'narrow');
    expect([taken.answer.status, taken.answer.body.code]).toEqual([409, 'conflict']);
    const foreign = await it.request('DELETE', `/v1/nostr/bindings/${ada.pubkey}`, { as: 'narrow' });
    expect([foreign.status, foreign.body.code]).toEqual([403, 'forbidden']);

    // Again with a new challenge: still bound, by its first proof.
    expect((await bind(ada)).answer.status).toBe(200);
    expect(keys.rows('my_nostr_keys')).toMatchObject([{ proof: event.id }]);

    expect((await it.request('DELETE', `/v1/nostr/bindings/${ada.pubkey}`, { as: 'desktop' })).status).toBe(200);
    await waitUntil(() => keys.rows('my_nostr_keys').length === 0);
    expect((await bind(ada, 'narrow')).answer.status).toBe(200);
    keys.end();
  }, 30_000);

  test('I14 an identity has eight keys at most, and is told so', async () => {
    const answers = [];
    for (let n = 0; n < 9; n += 1) answers.push((await bind(nostrKey(`key ${n}`))).answer);
    expect(answers.map(({ status }) => status)).toEqual([...Array(8).fill(200), 409]);
    expect(answers.at(-1)?.body).toMatchObject({
      code: 'keys_full',
      message: expect.stringContaining('at most 8'),
    });
  }, 30_000);
});
