// The gate: a token that runs out is replaced without loss, and one that cannot be replaced ends in an answer.
import { draftEvent, SyncError } from '@autopilot/sync-contract';
import { recordGateFacts } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import { Embedded, until } from '../support/embedded.ts';
import { Harness, upTo } from '../support/harness.ts';
import { recordLaneFacts } from './facts.ts';

test('over real sockets: tokens are replaced while events flow, none is lost or repeated', async () => {
  const world = await Embedded.start();
  try {
    const publisher = world.client('publisher');
    publisher.session.start();
    const reader = world.client('reader', { refreshInMs: 0, drainMs: 50 });
    await publisher.session.createStream('runtime.gate.1', 'test', 'inbox');
    await publisher.session.grantStream(reader.identity, 'runtime.gate.1', 'reader');
    reader.session.follow('runtime.gate.1', null);
    reader.session.start();
    let n = 0;
    while (reader.session.status().counters.refreshes < 2) {
      n += 1;
      await publisher.session.appendSyncEvent(
        draftEvent({ stream_id: 'runtime.gate.1', kind: 'tick', payload: { n }, idempotency_key: `key-${n}` }),
      );
    }
    await until(() => reader.events('runtime.gate.1').length >= n);
    expect(reader.events('runtime.gate.1').map(({ seq }) => Number(seq))).toEqual(upTo(n));
    expect(reader.session.status()).toMatchObject({ state: 'live', counters: { attempts: 1, closes: {} } });
    await recordLaneFacts(world, reader, n);
  } finally {
    await world.close();
  }
}, 20_000);

/** A session on simulated time, live, that gets an event every 100 ms. */
async function streaming(h: Harness, events: number): Promise<void> {
  h.host.stream('s');
  h.session.follow('s', null);
  h.session.start();
  await h.live();
  let left = events;
  const append = () => {
    if (left === 0) return;
    left -= 1;
    h.host.append('s');
    h.sim.after(100, append);
  };
  append();
}

test('twenty lives of a token, one connection attempt', async () => {
  const h = new Harness();
  h.tokenLife = 6_000;
  await streaming(h, 1000);
  await h.received('s', 1000);
  expect(h.seqs('s')).toEqual(upTo(1000));
  expect(h.session.status().counters).toMatchObject({ attempts: 1, closes: {}, refresh_failures: 0 });
  expect(h.session.status().counters.refreshes).toBeGreaterThanOrEqual(19);
  await h.close();
  expect(h.sim.timers).toBe(0);
  recordGateFacts({ events: 1000 });
});

test('a token that runs out because the host refuses every second connection: a plain reconnect, no loss', async () => {
  const h = new Harness();
  h.tokenLife = 30_000;
  await streaming(h, 600);
  h.host.refuse = () => ({ status: 503 });
  await h.state('backoff');
  expect(h.path.at(-1)).toBe('backoff:refresh_overdue');
  h.host.refuse = undefined;
  await h.received('s', 600);
  expect(h.seqs('s')).toEqual(upTo(600));
  await h.live();
  await h.close();
  recordGateFacts({ events: 600 });
});

test('a provider that is down for a while: asked again with pauses, then the refresh happens', async () => {
  const h = new Harness();
  h.tokenLife = 100_000;
  const plain = h.provide;
  let failures = 0;
  h.provide = async (reason, signal) => {
    if (reason === 'refresh' && failures < 2) {
      failures += 1;
      throw new SyncError('unavailable', 'control is down');
    }
    return plain(reason, signal);
  };
  await streaming(h, 900);
  await h.sim.until(() => h.session.status().counters.refreshes === 1);
  expect(failures).toBe(2);
  await h.received('s', 900);
  expect(h.seqs('s')).toEqual(upTo(900));
  expect(h.session.status().counters).toMatchObject({ attempts: 1, closes: {} });
  await h.close();
  recordGateFacts({ events: 900 });
});

test('a refresh that is refused for good ends in needs-auth, without a loop, and what was read stays whole', async () => {
  const h = new Harness();
  h.tokenLife = 30_000;
  const plain = h.provide;
  h.provide = async (reason, signal) => {
    if (reason !== 'start') throw new SyncError('forbidden', 'the grant was taken back');
    return plain(reason, signal);
  };
  await streaming(h, 600);
  await h.state('needs-auth');
  const [upgrades, asked] = [h.host.upgrades.length, h.asked.length];
  await h.sim.advance(600_000);
  expect([h.host.upgrades.length, h.asked.length]).toEqual([upgrades, asked]);
  const read = h.seqs('s');
  expect(read.length).toBeGreaterThan(100);
  expect(read).toEqual(upTo(read.length));
  // A person signs in: it goes on where it was.
  h.provide = plain;
  h.session.retryNow();
  await h.received('s', 600);
  expect(h.seqs('s')).toEqual(upTo(600));
  await h.close();
  recordGateFacts({ events: 600 });
});

test('an expired token at a reconnect is not used: another one is asked for first', async () => {
  const h = new Harness();
  h.tokenLife = 60_000;
  await streaming(h, 300);
  await h.received('s', 100);
  // The machine sleeps beyond the end of the token.
  h.sim.sleep(120_000);
  for (const connection of h.host.open) connection.cut();
  await h.received('s', 300);
  expect(h.seqs('s')).toEqual(upTo(300));
  const used = h.host.upgrades.map(({ headers }) => headers.authorization);
  expect(new Set(used).size).toBe(used.length);
  await h.close();
  recordGateFacts({ events: 300 });
});
