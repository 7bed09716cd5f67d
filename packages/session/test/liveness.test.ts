import { SyncError } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';

/** A live session with one followed stream, whose own polls and timers are far away. */
async function quiet(options: ConstructorParameters<typeof Harness>[0] = {}): Promise<Harness> {
  const h = new Harness({ headPollMs: 10_000_000, watchRenewMs: 10_000_000, ...options });
  h.tokenLife = 100_000_000;
  h.host.stream('s');
  h.session.follow('s', null);
  h.session.start();
  await h.live();
  return h;
}

/** Waits that only a hint can shorten. */
const slow = { backoff: { floorMs: 250, baseMs: 600_000, capMs: 600_000 } };

const sleeps: [string, (h: Harness, ms: number) => void][] = [
  ['the monotonic clock going on', (h, ms) => h.sim.sleep(ms)],
  ['the monotonic clock standing still', (h, ms) => h.sim.jump(ms)],
];

describe.each(sleeps)('suspend and wake, %s', (_name, sleep) => {
  test('I20: a connection that died meanwhile is noticed within seconds of waking', async () => {
    const h = await quiet();
    for (const connection of h.host.open) connection.frozen = true;
    sleep(h, 7_000_000);
    const woke = h.sim.now;
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:silent');
    // One tick of the watch, and the time to answer.
    expect(h.sim.now - woke).toBeLessThanOrEqual(10_000);
    expect(h.session.status().counters.wakes).toBe(1);
    await h.live();
    await h.close();
  });

  test('I20: a connection that lives is kept, and what came meanwhile is read', async () => {
    const h = await quiet();
    sleep(h, 60_000);
    h.host.append('s', 3);
    await h.sim.advance(60_000);
    expect(h.seqs('s')).toEqual(upTo(3));
    expect(h.session.status()).toMatchObject({ attempt: 1, state: 'live' });
    expect(h.session.status().counters.wakes).toBe(1);
    await h.close();
  });

  test('I20: a token that came due meanwhile is replaced on waking', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    const due = (h.session.status().token_refresh_after ?? 0) - h.sim.now;
    sleep(h, due + 60_000);
    const woke = h.sim.now;
    await h.sim.until(() => h.asked.length === 2);
    expect(h.asked).toEqual(['start', 'refresh']);
    expect(h.sim.now - woke).toBeLessThanOrEqual(10_000);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(h.session.status().attempt).toBe(1);
    await h.close();
  });

  test('I20: a token that ended meanwhile is not used again', async () => {
    const h = await quiet();
    sleep(h, h.tokenLife);
    await h.state('backoff');
    await h.live();
    expect(h.host.upgrades.at(-1)?.headers.authorization).toBe('Bearer token-2');
    await h.close();
  });

  test('I20: a wait for the next attempt is not slept through a second time', async () => {
    const h = await quiet({ ...slow, seed: 2 });
    h.host.open[0]?.cut();
    await h.state('backoff');
    expect(h.session.status().next_retry_ms).toBeGreaterThan(60_000);
    sleep(h, 30_000);
    await h.sim.advance(6000);
    expect(h.session.state).toBe('live');
    await h.close();
  });
});

describe('late timers', () => {
  test('I20: what the other side did while this process stood still is not held against it', async () => {
    const h = await quiet({ requestTimeoutMs: 10_000 });
    h.host.stream('t');
    // The page is asked for, and its answer comes while this process does not run: both the deadline and the watchdog
    // are long over when it runs again, and the answer is read after them.
    let answer = () => {};
    h.host.intercept = (connection, message) => {
      if (message.type !== 'procedure') return false;
      h.host.intercept = undefined;
      answer = () => connection.handle(message);
      return true;
    };
    h.session.follow('t', null);
    await h.sim.advance(10);
    h.sim.sleep(40_000);
    h.sim.after(2000, () => answer());
    await h.sim.until(() => h.session.status().streams.t?.phase === 'live');
    expect(h.session.status()).toMatchObject({ attempt: 1, state: 'live' });
    await h.close();
  });

  test('I20: but it has to come then', async () => {
    const h = await quiet({ requestTimeoutMs: 10_000 });
    h.host.stream('t');
    h.host.intercept = (_connection, message) => message.type === 'procedure';
    h.session.follow('t', null);
    await h.sim.advance(10);
    h.sim.sleep(40_000);
    const woke = h.sim.now;
    await h.state('backoff');
    expect(h.sim.now - woke).toBeLessThanOrEqual(6000);
    await h.close();
  });
});

describe('hints', () => {
  test.each(['online', 'wake'] as const)('I21: "%s" shortens the wait, but not below the floor', async (hint) => {
    const h = await quiet(slow);
    h.host.refuse = () => ({ status: 503 });
    h.host.open[0]?.cut();
    await h.state('backoff');
    h.session.hint(hint);
    // Refused at once: the floor is counted from this attempt.
    await h.sim.until(() => h.host.upgrades.length === 2);
    await h.state('backoff');
    const refused = h.sim.now;
    h.host.refuse = undefined;
    for (let times = 0; times < 50; times += 1) h.session.hint(hint);
    expect(h.path.at(-1)).toContain('backoff');
    await h.live();
    expect(h.sim.now - refused).toBeGreaterThanOrEqual(240);
    expect(h.sim.now - refused).toBeLessThan(300);
    expect(h.path).toContain('authenticating:retry_hinted');
    await h.close();
  });

  test('I21: no hint goes below what the other side asked for', async () => {
    const h = await quiet();
    h.host.refuse = () => ({ status: 429, retryAfterMs: 90_000 });
    h.host.open[0]?.cut();
    await h.sim.until(() => h.session.status().last_close?.code === 'rate_limited');
    h.host.refuse = undefined;
    const before = h.sim.now;
    for (const hint of ['online', 'wake', 'offline'] as const) h.session.hint(hint);
    await h.live();
    expect(h.sim.now - before).toBeGreaterThanOrEqual(89_900);
    await h.close();
  });

  test('I21: no hint makes anything wait longer, and none leads out of needs-auth or failed', async () => {
    const h = await quiet({ backoff: { floorMs: 60_000, baseMs: 60_000, capMs: 60_000 } });
    await h.sim.advance(120_000);
    h.host.open[0]?.cut();
    await h.state('backoff');
    const planned = h.session.status().next_retry_ms ?? 0;
    for (const hint of ['offline', 'online', 'wake'] as const) {
      h.session.hint(hint);
      expect(h.session.status().next_retry_ms).toBeLessThanOrEqual(planned);
    }
    h.host.refuse = () => ({ status: 403 });
    await h.state('needs-auth');
    for (const hint of ['offline', 'online', 'wake'] as const) h.session.hint(hint);
    await h.sim.advance(600_000);
    expect(h.session.state).toBe('needs-auth');
    expect(h.sim.timers).toBe(0);
    await h.close();
  });

  test.each(['online', 'offline', 'wake'] as const)(
    'I21: "%s" makes a connection in use prove that it lives, at once',
    async (hint) => {
      const h = await quiet();
      h.session.hint(hint);
      await h.sim.advance(60_000);
      expect(h.session.status().attempt).toBe(1);
      for (const connection of h.host.open) connection.frozen = true;
      const before = h.sim.now;
      // Many at once are one question.
      for (let times = 0; times < 5; times += 1) h.session.hint(hint);
      await h.state('backoff');
      expect(h.path.at(-1)).toBe('backoff:silent');
      expect(h.sim.now - before).toBeLessThanOrEqual(5100);
      await h.live();
      expect(h.host.log.filter((line) => line === 'read_heads').length).toBeLessThanOrEqual(2);
      await h.close();
    },
  );

  test.each([undefined, 5000])(
    'I21: a token that could not be had is asked for again too (asked to wait: %j)',
    async (wait) => {
      for (let seed = 1; seed <= 20; seed += 1) {
        const h = new Harness({ ...slow, seed });
        let at = 0;
        let down = true;
        h.provide = async () => {
          at = h.sim.now;
          if (!down) return h.token();
          throw new SyncError('unavailable', 'control is down', { details: { retry_after_ms: wait } });
        };
        h.session.start();
        await h.state('backoff');
        const planned = h.session.status().next_retry_ms ?? 0;
        const failedAt = at;
        down = false;
        h.session.hint('online');
        expect(h.session.status().next_retry_ms).toBeLessThanOrEqual(planned);
        await h.live();
        expect(at - failedAt).toBeGreaterThanOrEqual(wait ?? 250);
        expect(at - failedAt).toBeLessThanOrEqual((wait ?? 250) + 50);
        await h.close();
      }
    },
  );

  test('I17: no attempt is made that could only be told the same failure again', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const h = new Harness({ seed });
      h.provide = () =>
        new Promise((_resolve, reject) => {
          h.sim.after(200, () => reject(new Error('control is down')));
        });
      h.session.start();
      await h.sim.advance(20_000);
      for (let times = 0; times < 100; times += 1) {
        await h.sim.advance(100);
        if (h.sim.random() < 0.5) h.session.hint('online');
      }
      const { attempts, tokens_asked } = h.session.status().counters;
      expect(attempts).toBeGreaterThan(5);
      expect(tokens_asked).toBe(attempts);
      await h.close();
    }
  });

  test('I21: hints before the start and after the end do nothing', async () => {
    const h = new Harness();
    h.session.hint('online');
    expect(h.session.state).toBe('idle');
    h.session.start();
    await h.live();
    await h.close();
    h.session.hint('wake');
    expect(h.sim.timers).toBe(0);
  });
});

describe('progress', () => {
  test('I10: a connection on which nothing is heard of a stream that grows is replaced', async () => {
    const h = await quiet({ headPollMs: 10_000 });
    const [connection] = h.host.open;
    connection?.sets.delete(connection.liveSet ?? 0);
    const append = () => {
      h.host.append('s', 1);
      if (h.session.state === 'live') h.sim.after(3000, append);
    };
    append();
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:no_progress');
    expect(h.session.status().counters.head_repairs).toBe(3);
    await h.live();
    const count = h.host.streams.get('s')?.events.length ?? 0;
    expect(h.seqs('s')).toEqual(upTo(count));
    h.host.append('s', 1);
    await h.received('s', count + 1);
    await h.close();
  });

  test('I10: one that is heard now and then is kept', async () => {
    const h = await quiet({ headPollMs: 10_000 });
    const [connection] = h.host.open;
    const set = connection?.liveSet ?? 0;
    const queries = connection?.sets.get(set) ?? [];
    for (let round = 0; round < 6; round += 1) {
      connection?.sets.delete(set);
      h.host.append('s', 1);
      await h.sim.advance(20_500);
      connection?.sets.set(set, queries);
      h.host.append('s', 1);
      await h.sim.advance(1000);
    }
    expect(h.session.status()).toMatchObject({ attempt: 1, state: 'live' });
    expect(h.seqs('s')).toEqual(upTo(12));
    await h.close();
  });
});
