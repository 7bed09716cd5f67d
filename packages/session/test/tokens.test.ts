import { SyncError } from '@autopilot/sync-contract';
import { reducerError } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';

/** A token that reads as a JWT; nobody here looks at its signature. */
function jwt(claims: object, number: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256' })}.${part({ ...claims, jti: number })}.c2ln`;
}

describe('asking for tokens', () => {
  test('I17: many that need another token at once make one question, and share its answer', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    // A connection that has just been opened keeps its token for a moment, whatever the host says of it.
    await h.sim.advance(2000);
    let answer = () => {};
    h.provide = () =>
      new Promise((resolve) => {
        answer = () => resolve(h.token());
      });
    const refused = refuseCalls(h);
    let settled = 0;
    for (let call = 0; call < 20; call += 1) {
      h.session.call('heartbeat', new Uint8Array(0)).catch(() => {
        settled += 1;
      });
    }
    await h.sim.until(() => settled === 20);
    expect(refused()).toBe(20);
    expect(h.asked).toEqual(['start', 'refresh']);
    answer();
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    await h.sim.advance(5000);
    expect(h.asked).toEqual(['start', 'refresh']);
    expect(h.session.status().counters.tokens_asked).toBe(2);
    await h.close();
  });

  test('I17: after a failure nobody makes the provider be asked again before a pause, which grows', async () => {
    const h = new Harness({ backoff: { floorMs: 1000, baseMs: 1000, capMs: 60_000 } });
    h.session.start();
    await h.live();
    const asked: number[] = [];
    h.provide = async () => {
      asked.push(h.sim.now);
      throw new Error('control is down');
    };
    refuseCalls(h);
    const until = h.sim.now + 60_000;
    while (h.sim.now < until) {
      void h.session.call('heartbeat', new Uint8Array(0)).catch(() => {});
      await h.sim.advance(50);
    }
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(12);
    const pauses = asked.slice(1).map((time, index) => time - (asked[index] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1000);
    expect(h.session.status().counters).toMatchObject({ tokens_asked: asked.length + 1, attempts: 1 });
    await h.close();
  });

  test('I9: nor does it make a refresh that the host refuses be tried again before its pause', async () => {
    const h = new Harness({ backoff: { floorMs: 1000, baseMs: 1000, capMs: 60_000 } });
    h.session.start();
    await h.live();
    h.host.refuse = () => ({ status: 503 });
    refuseCalls(h);
    const until = h.sim.now + 60_000;
    while (h.sim.now < until) {
      void h.session.call('heartbeat', new Uint8Array(0)).catch(() => {});
      await h.sim.advance(50);
    }
    expect(h.host.upgrades.length).toBeGreaterThan(3);
    expect(h.host.upgrades.length).toBeLessThan(13);
    // One token is enough for all of them.
    expect(h.asked).toEqual(['start', 'refresh']);
    await h.close();
  });

  test('I17: a pause that the provider asks for outlasts a reconnect, and only the owner cuts it short', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    let failing = true;
    h.provide = async () => {
      if (!failing) return h.token();
      throw new SyncError('rate_limited', 'slowly', { details: { retry_after_ms: 120_000 } });
    };
    await h.sim.until(() => h.asked.length === 2);
    const failedAt = h.sim.now;
    await h.sim.until(() => h.session.status().counters.refresh_failures === 1);
    // Now the token in use is due as well as the connection gone.
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.sim.advance(60_000);
    h.session.hint('online');
    await h.sim.advance(30_000);
    expect(h.asked).toHaveLength(2);
    await h.sim.until(() => h.asked.length === 3);
    expect(h.sim.now - failedAt).toBeGreaterThanOrEqual(120_000);
    failing = false;
    await h.state('backoff');
    h.session.retryNow();
    await h.live();
    expect(h.sim.now - failedAt).toBeLessThan(125_000);
    await h.close();
  });

  test('I17: a token that somebody else has brought meanwhile is used without asking', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    // Asked for by a refresh, which ends with its connection; the answer serves the reconnect.
    let answer = () => {};
    h.provide = () =>
      new Promise((resolve) => {
        answer = () => resolve(h.token());
      });
    await h.sim.until(() => h.asked.length === 2);
    h.host.open[0]?.cut();
    await h.state('backoff');
    answer();
    await h.live();
    expect(h.asked).toEqual(['start', 'refresh']);
    expect(h.host.upgrades[1]?.headers.authorization).toBe('Bearer token-2');
    await h.close();
  });

  test('I17: a refused token is not used again, although it is not due', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    h.host.refuse = (request) => (request.headers.authorization === 'Bearer token-2' ? { status: 401 } : undefined);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(h.asked).toEqual(['start', 'refresh', 'refresh']);
    expect(h.host.upgrades.at(-1)?.headers.authorization).toBe('Bearer token-3');
    expect(h.session.status().counters).toMatchObject({ attempts: 1, refresh_failures: 1 });
    await h.close();
  });

  test('I17: a provider that gives the token in use again is asked with pauses, and no connection is made for it', async () => {
    const h = new Harness();
    h.provide = async () => h.token('always-the-same');
    h.session.start();
    await h.live();
    await h.sim.until(() => h.session.status().counters.refresh_failures === 3);
    expect(h.host.upgrades).toHaveLength(1);
    expect(h.session.state).toBe('live');
    await h.close();
  });
});

describe('who a token speaks for', () => {
  const subject = { iss: 'https://control.test', sub: 'account-1' };

  test.each([{ sub: 'account-2' }, { iss: 'https://other.test' }])(
    'I18: a token of another account is never sent anywhere (%j)',
    async (other) => {
      const h = new Harness();
      h.provide = async (reason) =>
        h.token(jwt(reason === 'start' ? subject : { ...subject, ...other }, h.asked.length));
      h.session.start();
      await h.live();
      await h.state('needs-auth');
      expect(h.path.at(-1)).toBe('needs-auth:identity_changed');
      expect(h.host.upgrades).toHaveLength(1);
      await h.close();
    },
  );

  test('I18: another token of the same account is no other identity: nothing is subscribed by teardown', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.host.tables.set('SELECT * FROM t', [{ table: 't', rows: [new Uint8Array([1])] }]);
    h.provide = async () => h.token(jwt(subject, h.asked.length));
    h.session.follow('s', null);
    const sources: string[] = [];
    h.session.subscribe(['SELECT * FROM t'], {
      batch: ({ source, changes }) => sources.push(`${source} ${changes.length}`),
    });
    h.session.start();
    await h.live();
    h.host.append('s', 5);
    await h.sim.until(() => h.session.status().counters.refreshes === 3);
    await h.received('s', 5);
    expect(h.seqs('s')).toEqual(upTo(5));
    // The baseline, then nothing but empty differences: no row went and came.
    expect(sources).toEqual(['baseline 1', 'resync 0', 'resync 0', 'resync 0']);
    expect(h.path.filter((step) => step.startsWith('backoff'))).toEqual([]);
    await h.close();
  });
});

describe('when a token is refreshed', () => {
  test('I19: spread over 70 to 80 % of its life, by a draw for every token', async () => {
    const parts: number[] = [];
    for (let seed = 1; seed <= 200; seed += 1) {
      const h = new Harness({ seed });
      h.provide = async () => {
        const { refresh_after, ...rest } = h.token();
        return rest;
      };
      const began = h.sim.now;
      h.session.start();
      await h.state('connecting');
      parts.push(((h.session.status().token_refresh_after ?? 0) - began) / h.tokenLife);
      await h.close();
    }
    expect(Math.min(...parts)).toBeGreaterThanOrEqual(0.7);
    expect(Math.max(...parts)).toBeLessThanOrEqual(0.8);
    expect(Math.max(...parts) - Math.min(...parts)).toBeGreaterThan(0.08);
  });

  test.each([
    [0.5, 0.5, 0.6],
    [0.75, 0.75, 0.8],
    [0.99, 0.8, 0.8],
  ])('I19: what the provider says counts (%d of the life), but never beyond 80 %%', async (from, low, high) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const h = new Harness({ seed });
      h.provide = async () => ({ ...h.token(), refresh_after: h.sim.now + h.tokenLife * from });
      const began = h.sim.now;
      h.session.start();
      await h.state('connecting');
      const part = ((h.session.status().token_refresh_after ?? 0) - began) / h.tokenLife;
      expect(part).toBeGreaterThanOrEqual(low);
      expect(part).toBeLessThanOrEqual(high);
      await h.close();
    }
  });
});

/** The module says of every call that the token is over; tells how many it has refused. */
function refuseCalls(h: Harness): () => number {
  let refused = 0;
  h.host.intercept = (connection, message) => {
    if (message.type !== 'reducer' || message.name !== 'heartbeat') return false;
    refused += 1;
    connection.send(reducerError(message.request_id, 'token_expired: over'));
    return true;
  };
  return () => refused;
}
