// A job from Nostr to the lane and back: a customer written with plain nostr-tools, two real relays, a control with its
// bridge in a process of its own, the real module on the embedded host, and a provider with a session on the lane.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import { reducers } from '@autopilot/session';
import { startEmbedded } from '@autopilot/spacetime-embedded';
import { canonicalJson, canonicalPayloadHash, type JsonValue } from '@autopilot/sync-contract';
import { freePort, waitFor } from '@autopilot/testing';
import { type Relay, startRelay } from '@autopilot/testing/nostr';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool';
import { finalizeEvent, getPublicKey, verifyEvent } from 'nostr-tools/pure';
import { WebSocket } from 'ws';
import { parseClients } from '../../src/config/clients-file.ts';
import { identityOf } from '../../src/identity.ts';
import { clientOf } from '../support/clients.ts';
import { compatible, send } from '../support/harness.ts';
import { type LaneProvider, startLaneProvider } from '../support/lane-provider.ts';
import { bindingTemplate } from '../support/nostr.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

jest.setTimeout(300_000);
useWebSocketImplementation(WebSocket);

const database = 'autopilot-test';
const bridgeKey = '07'.repeat(32);
const bridgePubkey = getPublicKey(Buffer.from(bridgeKey, 'hex'));
const customerKey = new Uint8Array(32).fill(9);
const timeoutMs = 120_000;
const secrets = new Map([
  ['provider', ['sync.subscribe', 'sync.compute']],
  ['other', ['sync.subscribe', 'sync.compute']],
  ['operator', ['sync.bridge', 'cutover.read']],
]);

/** A control that is started again whenever it ends, until the test is over. */
class KeptAlive {
  lives = 0;
  #child: ChildProcess | undefined;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(options: object, marks: string) {
    this.#running = this.#run(JSON.stringify(options), marks);
  }

  /** Kills the present life, and resolves when there is another one. */
  async kill(): Promise<void> {
    const life = this.lives;
    this.#child?.kill('SIGKILL');
    await waitFor(() => this.lives > life, { timeoutMs, describe: 'the next life of control' });
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#child?.kill('SIGKILL');
    await this.#running;
  }

  async #run(options: string, marks: string): Promise<void> {
    const support = path.join(import.meta.dirname, '..', 'support');
    const flags = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
    const preload = ['--import', path.join(support, 'kill-at-states.ts')];
    while (!this.#isOver) {
      const child = spawn(process.execPath, [...flags, ...preload, path.join(support, 'bridge-child.ts'), options], {
        stdio: ['ignore', 'pipe', process.env.BRIDGE_LOG === undefined ? 'ignore' : 'inherit'],
        env: { ...process.env, KILL_MARKS: marks },
      });
      this.#child = child;
      createInterface(child.stdout as NonNullable<typeof child.stdout>).once('line', () => {
        this.lives += 1;
      });
      await once(child, 'close');
    }
  }
}

const states = ['offered', 'quoted', 'paid', 'processing', 'partial', 'done'];
const points = states.flatMap((state) => [`before ${state}`, `after ${state}`]);
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function world(killedAt: readonly string[]) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const owner = identityOf(issuer, 'control-owner');
  const listen = { host: '127.0.0.1', port: 0 };
  const host = await startEmbedded({ module: await buildBundle(), database, owner, listen });
  undo.push(() => host.close());
  const relays: readonly Relay[] = [await startRelay(), await startRelay()];
  for (const relay of relays) undo.push(() => relay.close());
  const urls = relays.map(({ url }) => url);
  const folder = temporaryFolder();
  const marks = path.join(folder, 'marks');
  mkdirSync(marks);
  // Each death leaves a mark, and happens once: it does not where there is a mark already.
  for (const point of points) if (!killedAt.includes(point)) writeFileSync(path.join(marks, `killed ${point}`), '');
  const clients = parseClients({ clients: [...secrets].map(([id, scopes]) => clientOf(id, scopes, [], 'reader')) });
  const control = new KeptAlive(
    {
      ...{ issuer, port, dataDir: path.join(folder, 'control'), spacetime: host.url, database, clients },
      // What a share of the processor does is tested elsewhere; here it would be waited for.
      ...{ relays: urls, kinds: [5_050], secretKey: bridgeKey, processor_share: 1 },
    },
    marks,
  );
  undo.push(() => control.stop());
  const provider = (as: string) => {
    const started = startLaneProvider(async () => {
      const { body } = await send(`${issuer}/v1/sync/token`, 'POST', { as, body: { ...compatible, streams: [] } });
      return { ...body, expires_at: body.expires_at * 1_000, refresh_after: body.refresh_after * 1_000 };
    });
    undo.push(() => started.close());
    return started;
  };
  const pool = new SimplePool();
  undo.push(async () => pool.destroy());
  const stored = (kind: number) => relays.map((relay) => relay.stored().filter((event) => event.kind === kind));
  const status = (name: string) =>
    stored(7_000)[0]?.filter(({ tags }) => tags.some(([tag, value]) => tag === 'status' && value === name)) ?? [];
  const ask = async (content: string) => {
    const tags = [
      ['i', content, 'text'],
      ['param', 'model', 'small'],
      ['p', bridgePubkey],
      ['relays', ...urls],
    ];
    const created_at = Math.floor(Date.now() / 1_000);
    const request = finalizeEvent({ kind: 5_050, created_at, tags, content: '' }, customerKey);
    await Promise.all(pool.publish([...urls], request));
    return request;
  };
  const isDead = (point: string) => existsSync(path.join(marks, `killed ${point}`));
  const dead = () => readdirSync(marks).length;
  return { issuer, control, provider, pool, urls, relays, stored, status, ask, isDead, dead, folder };
}

/** The assignment that is in a state; of one that is lost on the way another attempt is made. */
async function assigned(provider: LaneProvider, ...statuses: string[]): Promise<string> {
  const found = await waitFor(() => provider.assignments().find(({ status }) => statuses.includes(status)), {
    timeoutMs,
    describe: () =>
      `an assignment that is ${statuses.join(' or ')}: ${JSON.stringify(provider.assignments(), jsonable)}`,
  });
  return found.assignment_id;
}

const jsonable = (_key: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);

describe('a job of Nostr on the lane', () => {
  test('comes back with exactly one result, with the bridge killed before and after every state, and control with it, here and on the lane', async () => {
    const { issuer, control, provider, pool, urls, stored, status, ask, isDead, dead } = await world(points);
    const there = provider('provider');
    await there.offer(5_050, { amount_msat: 21_000, bolt11: 'lnbc1invoice' });
    const request = await ask('what is up');

    await waitFor(() => status('payment-required').length > 0, {
      timeoutMs,
      describe: () => `a quote, and deaths: ${dead()}`,
    });
    expect(status('payment-required')[0]?.tags).toContainEqual(['amount', '21000', 'lnbc1invoice']);
    expect(there.assignments()).toEqual([]);
    const paid = async () => {
      try {
        await send(`${issuer}/v1/bridge/jobs/${request.id}/paid`, 'POST', { as: 'operator' });
      } catch {
        // It was killed while it answered.
      }
      return isDead('after paid');
    };
    await waitFor(paid, {
      timeoutMs,
      everyMs: 200,
      describe: () => `the payment; alive after ${points.filter((point) => !isDead(point))}`,
    });

    const id = await assigned(there, 'open');
    expect(JSON.parse(there.assignments()[0]?.detail ?? '')).toMatchObject({
      request: { kind: 5_050, inputs: [{ data: 'what is up', type: 'text' }], params: [['model', 'small']] },
    });
    await control.kill();
    await there.move(id, 'accepted', {});
    await control.kill();
    await there.move(id, 'running', { text: 'so far', part: 1 });
    await waitFor(() => status('partial').length > 0, { timeoutMs, describe: 'a part' });
    await control.kill();
    await there.move(id, 'done', { result: 'all is well' });

    await waitFor(() => isDead('after done') && stored(6_050).every((events) => events.length > 0), {
      timeoutMs,
      describe: () => `the result: ${dead()} deaths, ${stored(6_050).map(({ length }) => length)}`,
    });
    await control.kill();
    const results = await pool.querySync([...urls], { kinds: [6_050], '#e': [request.id] });
    expect(stored(6_050).map(({ length }) => length)).toEqual([1, 1]);
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
    const [result] = results;
    expect(verifyEvent(JSON.parse(JSON.stringify(result)))).toBe(true);
    expect(result).toMatchObject({ content: 'all is well', pubkey: bridgePubkey });
    expect(result?.tags).toContainEqual(['amount', '21000', 'lnbc1invoice']);
    // Each thing was said once, and the work was given away once, whoever died how often.
    expect(['payment-required', 'processing', 'partial', 'error'].map((name) => status(name).length)).toEqual([
      1, 1, 1, 0,
    ]);
    expect(there.assignments().map(({ status: at }) => at)).toEqual(['done']);
    expect(dead()).toBe(points.length);
    // After every state control was killed as well.
    expect(control.lives).toBeGreaterThan(states.length);
  });

  test('goes to another provider when one fails, and is taken back from the lane when its customer takes it back', async () => {
    const { issuer, provider, stored, ask, pool, urls } = await world([]);
    const providers = [provider('provider'), provider('other')] as const;
    const announced = () =>
      stored(31_990)[1]
        ?.at(-1)
        ?.tags.filter(([tag]) => tag === 'k');
    expect(announced()).toBeUndefined();
    for (const each of providers) await each.offer(5_050);
    await waitFor(() => announced() !== undefined, { timeoutMs, describe: 'the announcement' });
    expect(announced()).toEqual([['k', '5050']]);

    // The customer's key is bound to an identity, so the provider is told whose it is.
    const { body: asked } = await send(`${issuer}/v1/nostr/challenges`, 'POST', { as: 'other', body: {} });
    const event = finalizeEvent(bindingTemplate(asked, Date.now() / 1_000, `${issuer}/v1/nostr/bindings`), customerKey);
    const bound = await send(`${issuer}/v1/nostr/bindings`, 'POST', { as: 'other', body: { event } });
    expect([bound.status, bound.body.identity]).toEqual([200, identityOf(issuer, 'user-other')]);

    const request = await ask('first one, then the other');
    const first = await waitFor(() => providers.find((each) => each.assignments().length > 0), {
      timeoutMs,
      describe: 'an assignment',
    });
    const second = providers.find((each) => each !== first) as LaneProvider;
    expect(JSON.parse(first.assignments()[0]?.detail ?? '').request).toMatchObject({
      customer: getPublicKey(customerKey),
      identity: bound.body.identity,
    });
    await first.move(await assigned(first, 'open'), 'failed', { error: 'no room' });
    const id = await assigned(second, 'open');
    expect(id).toBe(`nostr.${request.id}.2`);
    await second.move(id, 'accepted', {});
    await second.move(await assigned(second, 'accepted'), 'running', {});
    await second.move(await assigned(second, 'running'), 'done', { result: 'done by the other' });
    await waitFor(() => stored(6_050)[0]?.[0]?.content === 'done by the other', { timeoutMs, describe: 'the result' });

    const unwanted = await ask('never mind');
    const open = () =>
      providers.flatMap((each) => each.assignments()).find(({ assignment_id }) => assignment_id.includes(unwanted.id));
    await waitFor(() => open()?.status === 'open', { timeoutMs, describe: 'the next assignment' });
    const created_at = Math.floor(Date.now() / 1_000);
    const tags = [
      ['e', unwanted.id],
      ['p', bridgePubkey],
    ];
    await Promise.all(pool.publish([...urls], finalizeEvent({ kind: 5, created_at, tags, content: '' }, customerKey)));
    await waitFor(() => open()?.status === 'cancelled', { timeoutMs, describe: 'the end of the assignment' });
    expect(stored(6_050).map(({ length }) => length)).toEqual([1, 1]);
    const status = async () => (await send(`${issuer}/v1/bridge`, 'GET', { as: 'operator' })).body;
    // It is told once a second.
    const isFree = async () => {
      const { lane } = await status();
      return lane?.session === 'live' && lane.assignments === 0 && lane.kinds.length > 0;
    };
    await waitFor(isFree, { timeoutMs, describe: 'a live session, a kind and no assignment' });
    const summary = async () => (await send(`${issuer}/v1/bridge/summary`, 'GET', { as: 'operator' })).body;
    await waitFor(async () => (await summary())?.jobs_open === 0, { timeoutMs, describe: 'no open job' });
    const now = { state: 'running', lane: { session: 'live', kinds: [5_050] }, present: true };
    expect(await status()).toMatchObject({ ...now, as_of: expect.any(Number) });
    expect(await summary()).toMatchObject({
      state: 'running',
      dead: 0,
      jobs_open: 0,
      lane_live: true,
      as_of: expect.any(Number),
    });
  });
});

describe('an event of the lane', () => {
  test('leaves for the relays and is marked as sent, once, over the death of control; one that is none is refused', async () => {
    const { issuer, control, provider, stored } = await world([]);
    const { session } = provider('operator');
    const enqueue = (event_id: string, value: JsonValue) => {
      const payload = canonicalJson(value);
      const call = reducers.enqueueBridgeEvent(event_id, 'nostr', payload, canonicalPayloadHash(payload));
      return session.call(call.reducer, call.args);
    };
    const lane = async () => (await send(`${issuer}/v1/bridge`, 'GET', { as: 'operator' })).body.lane;
    await enqueue('note-1', { kind: 1, tags: [['t', 'lane']], content: 'hello from the lane' });
    await enqueue('bad-1', { kind: 'one' });
    await waitFor(async () => (await lane()).events.sent === 1 && (await lane()).events.refused === 1, {
      timeoutMs,
      describe: async () => JSON.stringify(await lane()),
    });
    const notes = () => stored(1).map((events) => events.map(({ content, pubkey }) => [content, pubkey]));
    await waitFor(() => notes().every(({ length }) => length === 1), {
      timeoutMs,
      describe: 'the note at both relays',
    });
    expect(notes()[0]).toEqual([['hello from the lane', bridgePubkey]]);
    await control.kill();
    // What is settled stays so, also when it is said again.
    await enqueue('note-1', { kind: 1, tags: [['t', 'lane']], content: 'hello from the lane' });
    await enqueue('note-2', { kind: 1, tags: [], content: 'and another' });
    await waitFor(async () => (await lane())?.events.sent === 1, { timeoutMs, describe: 'the second note' });
    await waitFor(() => notes().every(({ length }) => length === 2), { timeoutMs, describe: 'both notes' });
    expect(await lane()).toMatchObject({ waiting: 0, events: { published: 1, sent: 1, refused: 0 } });
  });
});
