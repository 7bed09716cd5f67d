import { type EmbeddedHost, startEmbedded } from '@autopilot/spacetime-embedded';
import { draftEvent, payloadHash } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BinaryWriter } from 'spacetimedb';
import { createSession, nodeSocketFactory, type RowReader, type Session, type SessionOptions } from '../src/index.ts';
import { until } from './support/embedded.ts';
import { Harness } from './support/harness.ts';
import { TestIssuer } from './support/issuer.ts';
import { otherBundle } from './support/module-bundle.ts';

const query = 'SELECT * FROM score';
let host: EmbeddedHost;
const issuer = new TestIssuer();
const sessions: Session[] = [];

beforeAll(async () => {
  host = await startEmbedded({ module: otherBundle(), database: 'scores', listen: '127.0.0.1:0', http: issuer.http });
});
afterAll(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  await host.close();
});

function open(options: Partial<SessionOptions> = {}, scope = 'play'): Session {
  const session = createSession({
    token: async () => ({
      token: issuer.token('player', scope),
      expires_at: systemPorts.clock.now() + 600_000,
      uri: host.url,
      database: 'scores',
    }),
    ports: systemPorts,
    socket: nodeSocketFactory,
    http: systemHttp,
    clientId: 'player-1',
    readMode: 'unconfirmed',
    backoff: { floorMs: 20, baseMs: 20, capMs: 100 },
    streams: false,
    ...options,
  });
  sessions.push(session);
  return session;
}

function add(player: string, points: number): Uint8Array {
  const writer = new BinaryWriter(32);
  writer.writeString(player);
  writer.writeU32(points);
  return writer.getBuffer();
}

function scoreOf(_table: string, row: RowReader): string {
  return `${row.readString()} ${row.readU32()}`;
}

describe('a database that runs another module', () => {
  test('I26: rows, calls and reconnects work without streams', async () => {
    const session = open();
    const told: string[] = [];
    const scores = session.subscribe([query], { batch: ({ source }) => told.push(source) }, scoreOf);
    session.start();
    await until(() => session.state === 'live');
    await session.call('add', add('ada', 3));
    await session.call('add', add('ada', 4));
    await until(() => scores.rows('score').includes('ada 7'));
    host.faults.dropConnections();
    await until(() => session.status().attempt === 2 && session.state === 'live');
    await session.call('add', add('bob', 1));
    await until(() => scores.rows('score').length === 2);
    expect(scores.rows('score').sort()).toEqual(['ada 7', 'bob 1']);
    expect(told.slice(0, 3)).toEqual(['baseline', 'transaction', 'transaction']);
    expect(session.status().counters.closes).toMatchObject({ network: 1 });
  });

  test('I26: with streams, such a database is refused with what to do', async () => {
    const session = open({ streams: true });
    session.start();
    await until(() => session.state === 'failed');
    expect(session.status().last_close).toMatchObject({ code: 'query_refused' });
  });

  test('I6: a refusal by its client_connected is told from a network fault there too', async () => {
    const session = open({}, 'none');
    session.start();
    await until(() => session.status().last_close !== undefined);
    expect(session.status().last_close).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('no entry'),
    });
  });

  test('I26: what is of streams is refused with a code, at once, and nothing is sent', async () => {
    const session = open();
    const code = 'streams_disabled';
    expect(() => session.follow('a', null)).toThrow(expect.objectContaining({ code }));
    expect(() => session.rewind('a', null)).toThrow(expect.objectContaining({ code }));
    const draft = draftEvent({ stream_id: 'a', kind: 'k', payload: {}, idempotency_key: '1' });
    const calls = [
      session.appendSyncEvent(draft),
      session.createStream('a', 'test', 'inbox'),
      session.grantStream('00'.repeat(32), 'a', 'reader'),
      session.revokeStream('00'.repeat(32), 'a'),
      session.configure('i', 'a'),
      session.heartbeat('s'),
      session.upsertPresence({ session_id: 's', stream_id: 'a', status: 'x', detail: '{}', ttl_seconds: 1 }),
      session.ackCheckpoint({ stream_id: 'a', epoch: 'e', seq: 1n, chain: 'c' }),
      session.enqueueBridgeEvent({ event_id: 'e', transport: 't', payload: '1', payload_hash: payloadHash(1) }),
      session.markBridgeEventSent('e', 'r'),
      session.refuseBridgeEvent('e', 'r'),
    ];
    const settled = await Promise.allSettled(calls);
    expect(settled.map((call) => call.status === 'rejected' && call.reason.code)).toEqual(calls.map(() => code));
    expect(session.status().counters.frames_out).toBe(0);
    expect(() => open({ followGranted: true })).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  });
});

describe('on simulated time', () => {
  test('I26: nothing but what the owner asks for is sent, and an idle connection that answers stays', async () => {
    const h = new Harness({ streams: false, watchdogMs: 5_000, headPollMs: 1_000 });
    const sent: string[] = [];
    h.host.intercept = (_connection, message) => {
      sent.push(message.type);
      return false;
    };
    h.session.start();
    await h.live();
    await h.sim.advance(60_000);
    expect(h.session.status()).toMatchObject({ state: 'live', attempt: 1 });
    expect(new Set(sent)).toEqual(new Set(['unsubscribe']));
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I26, I10: a hint makes a connection prove that it lives; one that does not is replaced', async () => {
    const h = new Harness({ streams: false });
    h.session.start();
    await h.live();
    h.session.hint('wake');
    await h.sim.advance(20_000);
    expect(h.session.status().attempt).toBe(1);
    for (const connection of h.host.open) connection.frozen = true;
    h.session.hint('wake');
    await h.sim.until(() => h.session.status().attempt === 2);
    expect(h.session.status().last_close?.code).toBe('silent');
    await h.close();
  });
});
