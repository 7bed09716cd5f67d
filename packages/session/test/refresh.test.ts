import { reducerError } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';
import { LongLog } from './support/long-log.ts';

describe('token refresh', () => {
  test('I9: a second connection catches up and takes over; no event is lost, repeated or late', async () => {
    const h = new Harness({ pageSize: 16 });
    h.host.stream('s');
    h.host.stream('bell', { fanout: 'doorbell' });
    h.session.follow('s', null);
    h.session.follow('bell', null);
    h.session.start();
    await h.live();
    let appended = 0;
    const append = () => {
      if (appended === 400) return;
      appended += 1;
      h.host.append('s');
      h.host.append('bell');
      h.sim.after(7, append);
    };
    // Events go on all the time around the refresh, faster than the new connection can be made.
    h.host.latency = () => 20 + Math.floor(h.sim.random() * 10);
    await h.sim.advance((h.session.status().token_refresh_after ?? 0) - h.sim.now - 100);
    append();
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    // It took over in the middle of them.
    expect(appended).toBeLessThan(400);
    await h.sim.until(() => appended === 400);
    await h.received('s', 400);
    await h.received('bell', 400);
    expect(h.seqs('s')).toEqual(upTo(400));
    expect(h.seqs('bell')).toEqual(upTo(400));
    const status = h.session.status();
    expect(status).toMatchObject({ attempt: 1, failures: 0, state: 'live', connection_id: '2'.padStart(32, '0') });
    expect(status.counters).toMatchObject({ attempts: 1, refreshes: 1, refresh_failures: 0, closes: {} });
    expect(h.asked).toEqual(['start', 'refresh']);
    expect(h.host.upgrades[1]?.headers.authorization).toBe('Bearer token-2');
    expect(h.host.open).toHaveLength(1);
    expect(h.path).not.toContain('backoff:handed_over');
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I9: it takes over although events come faster than its pages could bring them', async () => {
    const h = new Harness({ pageSize: 4 });
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    h.host.latency = () => 20;
    let flowing = true;
    const append = () => {
      h.host.append('s');
      if (flowing) h.sim.after(2, append);
    };
    await h.sim.until(() => h.session.status().refreshing);
    append();
    await h.sim.advance(2000);
    expect(h.session.status().counters.refreshes).toBe(1);
    flowing = false;
    const count = h.host.streams.get('s')?.events.length ?? 0;
    await h.received('s', count);
    expect(h.seqs('s')).toEqual(upTo(count));
    await h.close();
  });

  test('I9: in the middle of a long catch-up it takes over at once, and nothing is read twice', async () => {
    const h = new Harness({ pageSize: 100 });
    const log = new LongLog(h.host, 's', 12_000);
    h.tokenLife = 2000;
    h.host.latency = () => 15;
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    const { refreshes, duplicates, attempts } = h.session.status().counters;
    expect(refreshes).toBeGreaterThanOrEqual(2);
    // One page of the old connection may be under way when the new one has begun.
    expect(log.pages).toBeLessThanOrEqual(120 + 2 * refreshes + 2);
    expect(duplicates).toBeLessThanOrEqual(200 * refreshes);
    expect(attempts).toBe(1);
    expect(h.seqs('s')).toEqual(upTo(12_000));
    await h.close();
  });

  test('I9: it goes on for ever, one refresh after the other', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    for (let refreshes = 1; refreshes <= 20; refreshes += 1) {
      await h.sim.until(() => h.session.status().counters.refreshes === refreshes);
    }
    expect(h.session.status().counters).toMatchObject({ refresh_failures: 0, attempts: 1 });
    expect(h.asked).toHaveLength(21);
    expect(h.host.open).toHaveLength(1);
    await h.close();
  });

  test('I9: the first connection stays in use until the second one is caught up', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    h.host.intercept = (connection, message) => connection.number === 2n && message.type === 'procedure';
    await h.sim.until(() => h.session.status().refreshing);
    await h.sim.advance(5000);
    h.host.append('s', 3);
    await h.received('s', 3);
    expect(h.session.status().connection_id).toBe('1'.padStart(32, '0'));
    await h.close();
  });

  test('I9: a second connection whose own token ends before it is caught up makes room for another', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    // The host ends the tokens of the first two connections while the second one catches up.
    h.host.tokenEnd = (connection) => (connection.number <= 2n ? h.sim.now : Number.POSITIVE_INFINITY);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(h.session.status()).toMatchObject({ connection_id: '3'.padStart(32, '0'), attempt: 1 });
    expect(h.session.status().counters).toMatchObject({ refresh_failures: 1 });
    h.host.append('s', 3);
    await h.received('s', 3);
    await h.live();
    await h.close();
  });

  test('I9: a failed refresh is tried again while the first connection goes on', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    let refused = 0;
    h.host.refuse = () => {
      refused += 1;
      return refused > 3 ? undefined : { status: 503 };
    };
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    h.host.append('s', 3);
    await h.received('s', 3);
    expect(h.session.status().counters).toMatchObject({ refresh_failures: 3, attempts: 1 });
    expect(h.path.at(-1)).toBe('live:caught_up');
    await h.close();
  });

  test('I9: when it cannot be done in time, the session reconnects plainly', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    h.host.refuse = () => ({ status: 503 });
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:refresh_overdue');
    expect(h.sim.now).toBeLessThan(1_800_000_000_000 + h.tokenLife);
    h.host.refuse = undefined;
    h.host.append('s', 3);
    await h.received('s', 3);
    await h.live();
    await h.close();
  });

  test('I9: a token that leads to another identity is not taken over', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    h.host.identity = 0xc200_0002n;
    await h.state('needs-auth');
    expect(h.path.at(-1)).toBe('needs-auth:identity_changed');
    await h.close();
  });

  test.each([{ database: 'other' }, { uri: 'http://elsewhere.test:3000' }])(
    'I9: a token that leads to another database is not handed over to: positions of two databases do not mix (%j)',
    async (moved) => {
      const h = new Harness();
      h.host.stream('s');
      h.session.follow('s', null);
      h.provide = async (reason) => ({ ...h.token(), ...(reason === 'start' ? {} : moved) });
      h.session.start();
      await h.live();
      await h.state('backoff');
      expect(h.path.at(-1)).toBe('backoff:database_moved');
      expect(h.host.open).toHaveLength(0);
      await h.live();
      expect(h.host.upgrades).toHaveLength(2);
      expect(h.host.upgrades[1]?.url).toContain(moved.database ?? 'elsewhere.test');
      expect(h.asked).toEqual(['start', 'refresh']);
      await h.close();
    },
  );

  test('I9: a second connection is dropped when the first one is lost', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    h.host.latency = () => 3000;
    await h.sim.until(() => h.session.status().refreshing);
    h.host.open[0]?.cut();
    await h.state('backoff');
    h.host.latency = () => 1;
    await h.live();
    expect(h.host.open).toHaveLength(1);
    expect(h.asked).toEqual(['start', 'refresh']);
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I9: refresh_after in the past does not make a loop without a pause', async () => {
    const h = new Harness();
    h.provide = async () => ({ ...h.token(), refresh_after: 0 });
    h.session.start();
    await h.live();
    await h.sim.advance(10_000);
    expect(h.asked.length).toBeLessThanOrEqual(11);
    await h.close();
  });

  test('I9: with a stream that waits for its owner, or is closed, the refresh still happens', async () => {
    const h = new Harness();
    h.host.stream('s').first_kept = 5n;
    h.host.append('s', 9);
    h.host.denied.add('d');
    h.session.follow('s', null);
    h.session.follow('d', null);
    h.session.start();
    await h.sim.until(() => h.of('stale').length === 1 && h.of('stream-closed').length === 1);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(h.of('stale')).toHaveLength(1);
    expect(h.of('stream-closed')).toHaveLength(1);
    expect(h.session.state).toBe('replaying');
    await h.close();
  });

  test('I9: a wall clock that was put back makes no token younger', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    await h.sim.advance(h.tokenLife / 2);
    h.sim.jump(-h.tokenLife);
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    // The token is as old as it is: it is replaced when three quarters of its life are over.
    expect(h.asked).toEqual(['start']);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(h.sim.now - 1_800_000_000_000).toBeLessThan(h.tokenLife * 0.76);
    await h.close();
  });

  describe('when calls find the token over', () => {
    /** A live session whose host lets every token in, and says of each call that its token is over. */
    async function refused() {
      const h = new Harness();
      h.session.start();
      await h.live();
      await h.sim.advance(2000);
      h.host.intercept = (connection, message) => {
        if (message.type !== 'reducer') return false;
        connection.send(reducerError(message.request_id, 'token_expired: over'));
        return true;
      };
      let answered = 0;
      const call = () => {
        h.session.heartbeat('s').catch(() => {
          answered += 1;
        });
      };
      return { h, call, answers: () => answered };
    }

    test('I13: many of them make one refresh, and one that fails leaves one timer', async () => {
      const { h, call, answers } = await refused();
      h.provide = async () => {
        throw new Error('control is down');
      };
      const timers = h.sim.timers;
      for (let count = 0; count < 8; count += 1) call();
      await h.sim.until(() => answers() === 8);
      expect(h.session.status().counters.refresh_failures).toBe(1);
      // The timer that tries again is there instead of the one of the refresh that was planned.
      expect(h.sim.timers).toBe(timers);
      await h.close();
      expect(h.sim.timers).toBe(0);
    });

    test('I13: an answer that comes while the session is closed makes no refresh any more', async () => {
      const { h, call } = await refused();
      h.provide = () => new Promise(() => {});
      call();
      await h.sim.until(() => h.host.log.length > 0 && h.session.status().calls.in_flight === 1);
      await h.close();
      await h.sim.advance(1000);
      expect([h.asked, h.sim.timers]).toEqual([['start'], 0]);
    });

    test('I5: neither control nor host is asked in a loop without a pause', async () => {
      const { h, call } = await refused();
      const askedAt: number[] = [];
      h.provide = async () => {
        askedAt.push(h.sim.now);
        return h.token();
      };
      for (let count = 0; count < 600; count += 1) {
        call();
        await h.sim.advance(50);
      }
      const pauses = askedAt.slice(1).map((at, index) => at - (askedAt[index] ?? 0));
      expect(pauses.length).toBeGreaterThan(20);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1000);
      expect(h.session.status().counters).toMatchObject({ attempts: 1, refreshes: askedAt.length });
      await h.close();
    });
  });
});
