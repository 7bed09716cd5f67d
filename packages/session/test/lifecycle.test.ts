import { SyncError } from '@autopilot/sync-contract';
import {
  frame,
  initialConnection,
  subscribeApplied,
  subscriptionError,
  transactionUpdate,
} from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';

describe('connecting', () => {
  test('I7: nothing is sent before InitialConnection, and calls wait for the live queries', async () => {
    const h = new Harness();
    const received: string[] = [];
    h.host.intercept = (connection, message) => {
      received.push(message.type);
      if (message.type !== 'subscribe') return false;
      h.sim.after(500, () => {
        connection.sets.set(message.query_set_id, message.queries);
        connection.send(subscribeApplied(message.request_id, message.query_set_id, []));
      });
      return true;
    };
    let settled = false;
    void h.session.call('heartbeat', new Uint8Array(0)).then(() => {
      settled = true;
    });
    h.session.start();
    await h.state('subscribing');
    expect(received).toEqual([]);
    await h.sim.advance(400);
    expect(received).toEqual(['subscribe']);
    await h.live();
    expect(received).not.toContain('reducer');
    await h.sim.until(() => settled);
    await h.close();
  });

  test('I7: a message before InitialConnection, or a second one, is a protocol error', async () => {
    for (const messages of [
      [transactionUpdate([])],
      [initialConnection(0xc200_0001n, 1n, 'T'), initialConnection(0xc200_0001n, 1n, 'T')],
    ]) {
      const h = new Harness();
      h.session.start();
      await h.state('connecting');
      await h.sim.until(() => h.host.connections.length === 1);
      const [connection] = h.host.connections;
      connection?.handlers.opened('v3.bsatn.spacetimedb');
      connection?.handlers.message(frame(...messages));
      expect(h.path.at(-1)).toBe('backoff:protocol_error');
      await h.close();
    }
  });

  test('speaks v2 when the server does, and refuses any other protocol for good', async () => {
    const h = new Harness();
    h.host.protocol = 'v2.bsatn.spacetimedb';
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    expect(h.session.status().protocol).toBe('v2.bsatn.spacetimedb');
    await h.close();
    const other = new Harness();
    other.host.protocol = 'v1.json.spacetimedb';
    other.session.start();
    await other.state('failed');
    expect(other.path.at(-1)).toBe('failed:unsupported_protocol');
    await other.close();
  });

  test.each([
    [404, 'failed:database_not_found'],
    [400, 'failed:bad_request'],
    [403, 'needs-auth:forbidden'],
  ])('I6: an upgrade refused with %d ends at %s and is not tried again', async (status, end) => {
    const h = new Harness();
    h.host.refuse = () => ({ status, body: 'told by the server' });
    h.session.start();
    await h.sim.until(() => h.path.at(-1) === end, end);
    await h.sim.advance(600_000);
    expect(h.host.upgrades).toHaveLength(1);
    expect(h.session.status().last_close?.message).toContain('told by the server');
    h.host.refuse = undefined;
    h.session.retryNow();
    await h.live();
    await h.close();
  });

  test('a token that is refused is refreshed once', async () => {
    const h = new Harness();
    h.host.refuse = (request) => (request.headers.authorization === 'Bearer token-1' ? { status: 401 } : undefined);
    h.session.start();
    await h.live();
    expect(h.asked).toEqual(['start', 'unauthorized']);
    expect(h.session.status().counters.closes).toEqual({ unauthorized: 1 });
    await h.close();
  });

  test('I6: a fresh token that is refused as well leads to needs-auth', async () => {
    const h = new Harness();
    h.host.refuse = () => ({ status: 401 });
    h.session.start();
    await h.state('needs-auth');
    expect(h.asked).toEqual(['start', 'unauthorized']);
    await h.sim.advance(600_000);
    expect(h.host.upgrades).toHaveLength(2);
    await h.close();
  });

  test('I6: the same token again after a refusal is not even tried', async () => {
    const h = new Harness();
    h.provide = async () => h.token('always-the-same');
    h.host.refuse = () => ({ status: 401 });
    h.session.start();
    await h.state('needs-auth');
    expect(h.host.upgrades).toHaveLength(1);
    await h.close();
  });

  test.each([
    ['forbidden: not for you', 'needs-auth:forbidden'],
    ['upgrade_required: too old', 'failed:refused_by_module'],
    ['rate_limited: slowly', 'backoff:rejected'],
    ['some text that only says forbidden', 'backoff:rejected'],
  ])('a module that drops the connection with "%s" is asked over HTTP: %s', async (text, end) => {
    const h = new Harness();
    h.host.rejection = text;
    h.session.start();
    await h.sim.until(() => h.path.length === 3, end);
    expect(h.path.at(-1)).toBe(end);
    expect(h.host.probes).toBe(1);
    await h.close();
  });

  test('a module that refuses the token makes the session fetch another one', async () => {
    const h = new Harness();
    h.host.rejection = 'token_expired: over';
    h.session.start();
    await h.state('needs-auth');
    expect(h.asked).toEqual(['start', 'unauthorized']);
    await h.close();
  });

  test('a cut before InitialConnection that nobody owns up to is a network failure', async () => {
    const h = new Harness();
    h.host.rejection = 'x';
    h.host.probeStatus = 200;
    h.session.start();
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:network');
    await h.close();
  });

  test('no answer at all ends in connect_timeout', async () => {
    const h = new Harness();
    h.host.latency = () => 60_000;
    h.session.start();
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:connect_timeout');
    await h.close();
  });

  test('live queries that the database does not know are final', async () => {
    const h = new Harness();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'subscribe') return false;
      connection.send(subscriptionError(message.request_id, message.query_set_id, 'no such table live_inbox'));
      return true;
    };
    h.session.start();
    await h.state('failed');
    expect(h.path.at(-1)).toBe('failed:query_refused');
    await h.close();
  });

  test('another identity behind the token is never adopted', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    h.host.identity = 0xc200_0002n;
    h.host.connections[0]?.cut();
    await h.state('needs-auth');
    expect(h.path.at(-1)).toBe('needs-auth:identity_changed');
    await h.sim.advance(2000);
    expect(h.sim.timers).toBe(0);
    await h.close();
  });
});

describe('tokens', () => {
  test('I6: a provider that refuses leads to needs-auth, one that fails is tried again', async () => {
    const h = new Harness();
    let asked = 0;
    h.provide = async () => {
      asked += 1;
      if (asked === 1) throw new Error('offline');
      if (asked === 2) throw new SyncError('unavailable', 'later', { details: { retry_after_ms: 77_000 } });
      throw new SyncError('forbidden', 'no such account');
    };
    h.session.start();
    await h.sim.until(() => asked === 1);
    await h.state('backoff');
    await h.sim.until(() => asked === 2);
    await h.state('backoff');
    expect(h.session.status().next_retry_ms).toBe(77_000);
    await h.state('needs-auth');
    expect(asked).toBe(3);
    expect(h.session.status().last_close?.code).toBe('token_refused');
    await h.close();
  });

  test('a provider that hangs is given up, told so, and its late answer is dropped', async () => {
    const h = new Harness({ tokenTimeoutMs: 1000 });
    const late: (() => void)[] = [];
    let aborted = 0;
    h.provide = (_reason, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted += 1;
        });
        late.push(() => resolve(h.token()));
      });
    h.session.start();
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:token_unavailable');
    expect(aborted).toBe(1);
    late[0]?.();
    await h.sim.advance(1);
    expect(h.host.upgrades).toHaveLength(0);
    expect(h.session.status().counters.stale_callbacks).toBe(1);
    await h.close();
  });

  test('one question at a time: a reconnect waits for the answer that a refresh has asked for', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    let answer = () => {};
    h.provide = () =>
      new Promise((resolve) => {
        answer = () => resolve(h.token());
      });
    await h.sim.until(() => h.asked.length === 2);
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.state('authenticating');
    await h.sim.advance(1000);
    expect(h.asked).toEqual(['start', 'refresh']);
    answer();
    await h.live();
    expect(h.host.upgrades).toHaveLength(2);
    await h.close();
  });

  test.each([
    [{ token: '' }],
    [{ uri: 'file:///etc' }],
    [{ uri: 'nonsense' }],
    [{ database: '' }],
    [{ expires_at: Number.NaN }],
    [{ refresh_after: Number.NaN }],
    [{ expires_at: 5 }],
  ])('an answer with %j is not used', async (wrong) => {
    const h = new Harness();
    h.provide = async () => ({ ...h.token(), ...wrong });
    h.session.start();
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:token_invalid');
    expect(h.host.upgrades).toHaveLength(0);
    await h.close();
  });

  test('a reconnect uses the token it has while that need not be refreshed', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    expect(h.asked).toEqual(['start']);
    h.host.open[0]?.cut();
    await h.state('backoff');
    h.sim.sleep(h.tokenLife);
    await h.live();
    expect(h.asked).toEqual(['start', 'reconnect']);
    await h.close();
  });
});

describe('reconnecting', () => {
  test('I5: attempts are never closer than the floor nor further than the cap, however the connection ends', async () => {
    const h = new Harness({ backoff: { baseMs: 1, capMs: 1000 } });
    const at: number[] = [];
    h.host.refuse = () => {
      at.push(h.sim.now);
      return { status: 503 };
    };
    h.session.start();
    await h.sim.until(() => at.length === 40);
    for (const [index, time] of at.entries()) {
      if (index === 0) continue;
      const waited = time - (at[index - 1] ?? 0);
      expect(waited).toBeGreaterThanOrEqual(250);
      // The cap, and the simulated network on the way there and back.
      expect(waited).toBeLessThanOrEqual(1000 + 100);
    }
    await h.close();
  });

  test('I5: failures grow until a batch proves the connection, not until it opens', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    for (let round = 1; round <= 5; round += 1) {
      await h.live();
      h.host.open[0]?.cut();
      await h.state('backoff');
      expect(h.session.status().failures).toBe(round);
    }
    await h.live();
    h.host.append('s');
    await h.received('s', 1);
    expect(h.session.status().failures).toBe(0);
    await h.close();
  });

  test('I5: ten seconds live prove a connection as well', async () => {
    const h = new Harness();
    h.session.start();
    await h.live();
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    await h.sim.advance(9_990);
    expect(h.session.status().failures).toBe(1);
    await h.sim.advance(20);
    expect(h.session.status().failures).toBe(0);
    await h.close();
  });

  test('I5: a Retry-After of the server is honoured', async () => {
    const h = new Harness();
    h.host.refuse = () => ({ status: 429, retryAfterMs: 90_000 });
    h.session.start();
    await h.state('backoff');
    expect(h.session.status().next_retry_ms).toBe(90_000);
    h.host.refuse = undefined;
    await h.live();
    await h.close();
  });

  test.each([429, 503])(
    'I5: what the host says over HTTP (%d) of a refused connection is honoured too',
    async (status) => {
      const h = new Harness();
      h.host.rejection = 'x';
      h.host.probeStatus = status;
      h.host.probeHeaders = { 'retry-after': '90' };
      h.session.start();
      await h.state('backoff');
      expect(h.path.at(-1)).toBe(status === 429 ? 'backoff:rate_limited' : 'backoff:server_error');
      expect(h.session.status().next_retry_ms).toBe(90_000);
      await h.close();
    },
  );

  test('I5: a refresh that the server asked to wait with is not tried again before', async () => {
    const h = new Harness();
    h.tokenLife = 3_600_000;
    h.session.start();
    await h.live();
    const at: number[] = [];
    h.host.refuse = () => {
      at.push(h.sim.now);
      return at.length === 1 ? { status: 429, retryAfterMs: 300_000 } : undefined;
    };
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(300_000);
    expect(h.session.status().attempt).toBe(1);
    await h.close();
  });

  test('I5: the word of the owner shortens even that, but not below the floor', async () => {
    const h = new Harness();
    h.host.refuse = () => ({ status: 429, retryAfterMs: 90_000 });
    h.session.start();
    await h.state('backoff');
    const before = h.sim.now;
    h.host.refuse = undefined;
    h.session.retryNow();
    await h.live();
    expect(h.sim.now - before).toBeLessThan(1000);
    expect(h.sim.now - before).toBeGreaterThanOrEqual(240);
    await h.close();
  });

  test('I10: a connection without any frame is dropped, pings keep it', async () => {
    const h = new Harness({ headPollMs: 10_000_000 });
    h.session.start();
    await h.live();
    await h.sim.advance(300_000);
    expect(h.session.status().attempt).toBe(1);
    for (const connection of h.host.open) connection.frozen = true;
    const before = h.sim.now;
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:silent');
    expect(h.sim.now - before).toBeLessThanOrEqual(35_000);
    await h.live();
    await h.close();
  });

  test('I10: a request that is never answered ends a connection that still pings', async () => {
    const h = new Harness({ requestTimeoutMs: 5000 });
    h.host.stream('s');
    h.session.start();
    await h.live();
    h.host.intercept = (_connection, message) => message.type === 'procedure';
    h.session.follow('s', null);
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:no_progress');
    h.host.intercept = undefined;
    await h.live();
    await h.close();
  });

  test('I8: callbacks of a connection that is over are dropped and counted', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    const old = h.host.connections[0];
    const row = h.host.liveRow(
      { id: 's', epoch: 'epoch-1', events: [], first_kept: 1n, fanout: 'inbox', route: '' },
      { seq: 1n, kind: 'forged', payload: '{}', payload_hash: 'x', idempotency_key: 'y', chain: '', inline: true },
    );
    const update = transactionUpdate([
      { query_set_id: old?.liveSet ?? 0, tables: [{ table: 'live_inbox', events: [row] }] },
    ]);
    old?.cut();
    await h.state('backoff');
    old?.handlers.message(frame(update));
    old?.handlers.opened('v3.bsatn.spacetimedb');
    old?.handlers.alive();
    expect(h.session.status().counters.stale_callbacks).toBe(3);
    await h.live();
    old?.handlers.message(frame(update));
    expect(h.session.status().counters.stale_callbacks).toBe(4);
    expect(h.events('s')).toEqual([]);
    await h.close();
  });

  test('I3: a hundred cuts lose and repeat nothing', async () => {
    const h = new Harness({ seed: 7, pageSize: 5 });
    h.host.latency = () => Math.floor(h.sim.random() * 20);
    h.host.procedureDelay = () => Math.floor(h.sim.random() * 30);
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    for (let round = 0; round < 100; round += 1) {
      h.host.append('s', 3, h.sim.random() < 0.8);
      await h.sim.advance(Math.floor(h.sim.random() * 700));
      for (const connection of h.host.open) if (h.sim.random() < 0.6) connection.cut();
    }
    await h.received('s', 300);
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(300));
    expect(h.session.status().counters.illegal_transitions).toBe(0);
    await h.close();
  });
});

describe('the end', () => {
  const moments: Record<string, (h: Harness) => Promise<void>> = {
    idle: async () => {},
    authenticating: async (h) => {
      h.provide = () => new Promise(() => {});
      h.session.start();
      await h.state('authenticating');
    },
    connecting: async (h) => {
      h.host.latency = () => 1000;
      h.session.start();
      await h.state('connecting');
    },
    probing: async (h) => {
      h.host.rejection = 'x';
      h.session.start();
      await h.sim.until(() => h.host.connections[0]?.isOpen === false && h.session.state === 'connecting');
    },
    replaying: async (h) => {
      h.host.append('s', 2000);
      h.session.start();
      await h.state('replaying');
    },
    live: async (h) => {
      h.session.start();
      await h.live();
    },
    refreshing: async (h) => {
      h.session.start();
      await h.live();
      h.host.latency = () => 5000;
      await h.sim.until(() => h.session.status().refreshing);
    },
    backoff: async (h) => {
      h.host.refuse = () => ({ status: 503 });
      h.session.start();
      await h.state('backoff');
    },
    'needs-auth': async (h) => {
      h.host.refuse = () => ({ status: 403 });
      h.session.start();
      await h.state('needs-auth');
    },
  };

  test.each(Object.keys(moments))('I13: closing while %s leaves no timer, no socket, no listener', async (moment) => {
    const h = new Harness({ followGranted: true });
    h.host.stream('s');
    h.host.stream('bell', { fanout: 'doorbell' });
    h.session.follow('s', null);
    h.session.follow('bell', null);
    await moments[moment]?.(h);
    await h.close();
    expect(h.session.state).toBe('closed');
    expect(h.host.open).toEqual([]);
    expect(h.sim.timers).toBe(0);
    const said = h.signals.length;
    h.host.append('s', 3);
    h.session.start();
    h.session.retryNow();
    await h.sim.advance(600_000);
    expect(h.signals).toHaveLength(said);
    expect(h.sim.timers).toBe(0);
    expect(h.path.slice(-2).map((step) => step.split(':')[0])).toEqual(['draining', 'closed']);
    expect(() => h.session.subscribe(['SELECT * FROM t'], { batch: () => {} })).toThrow('closed');
    await expect(h.session.call('x', new Uint8Array(0))).rejects.toMatchObject({ code: 'session_closed' });
  });

  test('I11: a listener that throws disturbs neither the session nor the others', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.session.listen(() => {
      throw new Error('mine');
    });
    const second: string[] = [];
    h.session.listen((signal) => second.push(signal.type));
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    h.host.append('s', 3);
    await h.received('s', 3);
    expect(second).toEqual(h.signals.map(({ type }) => type));
    expect(h.session.status().counters.listener_errors).toBe(h.signals.length);
    await h.close();
  });

  test('I11: a listener that was taken away hears nothing more, not even of the same turn', async () => {
    const h = new Harness();
    const heard: string[] = [];
    h.session.listen((signal) => {
      if (signal.type === 'state' && signal.to === 'connecting') remove();
    });
    const remove = h.session.listen((signal) => signal.type === 'state' && heard.push(signal.to));
    h.session.start();
    await h.live();
    expect(heard).toEqual(['authenticating']);
    await h.close();
  });

  test('I11: a listener may call back into the session, even close it', async () => {
    const h = new Harness({ pageSize: 10 });
    h.host.stream('s');
    h.host.stream('t');
    h.host.append('s', 30);
    h.host.append('t', 5);
    let rewound = false;
    h.session.listen((signal) => {
      if (signal.type !== 'batch' || signal.stream_id !== 's') return;
      if (!rewound) {
        rewound = true;
        h.session.rewind('s', { epoch: 'epoch-1', seq: 5n });
        h.session.follow('t', null);
      } else if (signal.events.at(-1)?.seq === 30n) {
        void h.session.close();
      }
    });
    h.session.follow('s', null);
    h.session.start();
    await h.state('closed');
    expect(h.seqs('s').slice(0, 10)).toEqual(upTo(10));
    expect(h.seqs('s').slice(-25)).toEqual(upTo(30, 6));
    expect(h.signals.at(-1)).toMatchObject({ type: 'state', to: 'closed' });
  });
});
