import { draftEvent, payloadHash, SyncError } from '@autopilot/sync-contract';
import { reducerError, reducerOk, reducerTrap } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import { Connection } from '../src/connection.ts';
import { newEnvironment } from '../src/environment.ts';
import type { AppendReceipt, SessionError } from '../src/index.ts';
import { readingReducers } from '../src/module/reducers.ts';
import { Harness, upTo } from './support/harness.ts';

const none = new Uint8Array(0);
const draft = (n: number, value: unknown = n) =>
  draftEvent({ stream_id: 's', kind: 'tick', payload: { value }, idempotency_key: `key-${n}` });

/** How a promise settled, readable while simulated time runs. */
function watch<Value>(promise: Promise<Value>): { value?: Value; error?: SessionError | SyncError; done: boolean } {
  const seen: { value?: Value; error?: SessionError | SyncError; done: boolean } = { done: false };
  promise.then(
    (value) => {
      seen.value = value;
      seen.done = true;
    },
    (error) => {
      seen.error = error;
      seen.done = true;
    },
  );
  return seen;
}

async function connected(options: ConstructorParameters<typeof Harness>[0] = {}): Promise<Harness> {
  const h = new Harness(options);
  h.host.stream('s');
  h.session.start();
  await h.live();
  return h;
}

describe('reducer calls', () => {
  test('I12: many are in flight at once and settle in order', async () => {
    const h = await connected();
    h.host.latency = () => 100;
    const before = h.sim.now;
    const order: bigint[] = [];
    const calls = upTo(50).map((n) =>
      watch(
        h.session.appendSyncEvent(draft(n)).then((receipt) => {
          order.push(receipt.seq);
          return receipt;
        }),
      ),
    );
    await h.sim.until(() => calls.every(({ done }) => done));
    expect(order.map(Number)).toEqual(upTo(50));
    expect(calls[4]?.value).toEqual({ outcome: 'appended', epoch: 'epoch-1', seq: 5n } satisfies AppendReceipt);
    expect(h.sim.now - before).toBeLessThan(400);
    await h.close();
  });

  test('a duplicate is told with the place of the first; another payload is a conflict', async () => {
    const h = await connected();
    const calls = [draft(1), draft(1), draft(1, 'other')].map((one) => watch(h.session.appendSyncEvent(one)));
    await h.sim.until(() => calls.every(({ done }) => done));
    expect(calls[1]?.value).toEqual({ outcome: 'duplicate', epoch: 'epoch-1', seq: 1n });
    expect(calls[2]?.error).toBeInstanceOf(SyncError);
    expect(calls[2]?.error).toMatchObject({ code: 'idempotency_conflict', message: 'another payload' });
    await h.close();
  });

  test('own events arrive with the result, before it settles', async () => {
    const h = await connected();
    h.session.follow('s', null);
    await h.sim.until(() => h.session.status().streams.s?.phase === 'live');
    let seen = -1;
    const call = watch(
      h.session.appendSyncEvent(draft(1)).then(() => {
        seen = h.seqs('s').length;
      }),
    );
    await h.sim.until(() => call.done);
    expect(seen).toBe(1);
    await h.close();
  });

  test('a trap, an unknown code and a coded refusal are different errors', async () => {
    const h = await connected();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'reducer') return false;
      if (message.name === 'trap') connection.send(reducerTrap(message.request_id, 'fatal'));
      else if (message.name === 'odd')
        connection.send(reducerError(message.request_id, 'forbidden is not a code here'));
      else connection.send(reducerError(message.request_id, 'forbidden: no grant'));
      return true;
    };
    const calls = ['trap', 'odd', 'coded'].map((name) => watch(h.session.call(name, none)));
    await h.sim.until(() => calls.every(({ done }) => done));
    expect(calls.map(({ error }) => [error?.name, error?.code])).toEqual([
      ['SessionError', 'reducer_failed'],
      ['SyncError', 'internal'],
      ['SyncError', 'forbidden'],
    ]);
    await h.close();
  });

  test('an accepted event without a receipt is not passed off as known', async () => {
    const h = await connected();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'reducer') return false;
      connection.send(reducerOk(message.request_id, []));
      return true;
    };
    const call = watch(h.session.appendSyncEvent(draft(1)));
    await h.sim.until(() => call.done);
    expect(call.error?.code).toBe('receipt_missing');
    await h.close();
  });

  test('a connection that brings no receipts is replaced, with pauses, so that calling again helps', async () => {
    const h = await connected();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'reducer' || connection.number > 2n) return false;
      connection.send(reducerOk(message.request_id, []));
      return true;
    };
    const codes: (string | undefined)[] = [];
    let receipt: AppendReceipt | undefined;
    while (receipt === undefined) {
      const call = watch(h.session.appendSyncEvent(draft(1)));
      await h.sim.until(() => call.done);
      codes.push(call.error?.code);
      receipt = call.value;
      if (codes.length > 5) throw new Error('it never heals');
    }
    expect(codes).toEqual(['receipt_missing', 'receipt_missing', undefined]);
    expect(receipt.seq).toBe(1n);
    expect(h.path.filter((step) => step.startsWith('backoff'))).toEqual(Array(2).fill('backoff:subscription_lost'));
    expect(h.session.status().counters.attempts).toBe(3);
    await h.close();
  });

  test('I12: the deadline tells whether the call was sent', async () => {
    const h = new Harness();
    const waiting = watch(h.session.call('x', none, { deadlineMs: 50 }));
    await h.sim.advance(60);
    expect(waiting.error).toMatchObject({ code: 'call_deadline', details: { reducer: 'x', sent: false } });
    h.session.start();
    await h.live();
    h.host.intercept = (_connection, message) => message.type === 'reducer';
    const sent = watch(h.session.call('y', none, { deadlineMs: 50 }));
    await h.sim.advance(60);
    expect(sent.error).toMatchObject({ code: 'call_deadline', details: { reducer: 'y', sent: true } });
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I12: a signal takes a call back, before and after it was sent', async () => {
    const h = await connected();
    const aborted = watch(h.session.call('x', none, { signal: AbortSignal.abort() }));
    h.host.intercept = (_connection, message) => message.type === 'reducer';
    const controller = new AbortController();
    const sent = watch(h.session.call('y', none, { signal: controller.signal }));
    await h.sim.advance(10);
    controller.abort();
    await h.sim.advance(1);
    expect(aborted.error).toMatchObject({ code: 'call_aborted', details: { sent: false } });
    expect(sent.error).toMatchObject({ code: 'call_aborted', details: { sent: true } });
    await h.close();
  });

  test('I12: a cut leaves the outcome unknown, unless the call may be repeated', async () => {
    const h = await connected();
    let taken = 0;
    h.host.intercept = (connection, message) => {
      if (message.type !== 'reducer') return false;
      taken += 1;
      if (taken <= 3) return true;
      connection.send(reducerOk(message.request_id, []));
      return true;
    };
    const calls = [{}, { idempotencyKey: 'k' }, {}].map((options, n) => watch(h.session.call(`r${n}`, none, options)));
    await h.sim.until(() => taken === 3);
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.sim.advance(1);
    expect(calls.map(({ error }) => error?.code)).toEqual(['call_outcome_unknown', undefined, 'call_outcome_unknown']);
    await h.sim.until(() => calls[1]?.done === true);
    expect(calls[1]?.error).toBeUndefined();
    expect(h.session.status().counters.calls_resent).toBe(1);
    await h.close();
  });

  test('I12: a call that was taken back is not sent again', async () => {
    const h = await connected();
    h.host.intercept = (_connection, message) => message.type === 'reducer';
    const controller = new AbortController();
    const call = watch(h.session.appendSyncEvent(draft(1), undefined, { signal: controller.signal }));
    await h.sim.advance(10);
    controller.abort();
    h.host.intercept = undefined;
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    await h.sim.advance(1000);
    expect(call.error?.code).toBe('call_aborted');
    expect(h.host.log).not.toContain('append_sync_event');
    await h.close();
  });

  test('I12: repeated calls keep their place before those that were never sent', async () => {
    const h = await connected({ maxCallsInFlight: 3 });
    h.session.follow('s', null);
    h.host.latency = () => 1 + Math.floor(h.sim.random() * 15);
    const calls = upTo(60).map((n) => watch(h.session.appendSyncEvent(draft(n))));
    for (let cuts = 0; cuts < 12; cuts += 1) {
      await h.sim.advance(40);
      for (const connection of h.host.open) connection.cut();
      await h.live();
    }
    await h.sim.until(() => calls.every(({ done }) => done));
    expect(calls.map(({ value }) => Number(value?.seq))).toEqual(upTo(60));
    expect(h.host.streams.get('s')?.events.map(({ idempotency_key }) => idempotency_key)).toEqual(
      upTo(60).map((n) => `key-${n}`),
    );
    expect(calls.some(({ value }) => value?.outcome === 'duplicate')).toBe(true);
    await h.received('s', 60);
    expect(h.seqs('s')).toEqual(upTo(60));
    await h.close();
  });

  test('I12: calls do not overtake each other while a refresh hands over', async () => {
    const h = await connected({ maxCallsInFlight: 4 });
    h.host.latency = () => 3 + Math.floor(h.sim.random() * 30);
    await h.sim.until(() => h.session.status().refreshing);
    const calls = upTo(300).map((n) => watch(h.session.appendSyncEvent(draft(n))));
    await h.sim.until(() => calls.every(({ done }) => done));
    expect(h.session.status().counters).toMatchObject({ refreshes: 1, calls_resent: 0, attempts: 1 });
    expect(calls.map(({ value }) => Number(value?.seq))).toEqual(upTo(300));
    await h.close();
  });

  test('I12: the queue is bounded, and what is refused was not sent', async () => {
    const h = new Harness({ maxCallsQueued: 2 });
    const calls = upTo(3).map((n) => watch(h.session.call(`r${n}`, none)));
    await h.sim.advance(1);
    expect(calls.map(({ error }) => error?.code)).toEqual([undefined, undefined, 'call_queue_full']);
    await h.close();
    expect(calls.map(({ error }) => error?.code)).toEqual(['call_not_sent', 'call_not_sent', 'call_queue_full']);
    expect(h.sim.timers).toBe(0);
  });

  test('I12: closing waits for calls in flight, but not for ever', async () => {
    const h = await connected();
    h.host.latency = () => 200;
    const answered = watch(h.session.appendSyncEvent(draft(1)));
    await h.close();
    expect(answered.value?.seq).toBe(1n);
    const other = await connected();
    other.host.intercept = (_connection, message) => message.type === 'reducer';
    const silent = watch(other.session.appendSyncEvent(draft(1)));
    const before = other.sim.now;
    await other.close();
    expect(silent.error?.code).toBe('call_outcome_unknown');
    expect(other.sim.now - before).toBeLessThan(3000);
    expect(other.sim.timers).toBe(0);
  });

  test('an identity of another form is refused before anything is sent', async () => {
    const h = await connected();
    const call = watch(h.session.grantStream('0xC200', 's', 'reader'));
    await h.sim.advance(10);
    expect(call.error).toMatchObject({ name: 'SyncError', code: 'invalid_request' });
    expect(h.host.log).not.toContain('grant_stream');
    await h.close();
  });

  test('I23: a read-only session refuses every write before the wire', async () => {
    const h = await connected({ readOnly: true });
    const sent: string[] = [];
    h.host.intercept = (_connection, message) => {
      if (message.type === 'reducer') sent.push(message.name);
      return false;
    };
    const identity = 'c2'.padEnd(64, '0');
    const writes: Record<string, Promise<unknown>> = {
      call: h.session.call('anything', none, { idempotencyKey: 'k' }),
      appendSyncEvent: h.session.appendSyncEvent(draft(1)),
      ackCheckpoint: h.session.ackCheckpoint({ stream_id: 's', epoch: 'e', seq: 1n, chain: 'c' }),
      createStream: h.session.createStream('s', 'test', 'inbox'),
      grantStream: h.session.grantStream(identity, 's', 'reader'),
      revokeStream: h.session.revokeStream(identity, 's'),
      configure: h.session.configure('issuer', 'audience'),
      upsertPresence: h.session.upsertPresence({
        session_id: 'x',
        stream_id: 's',
        status: 'here',
        detail: '{}',
        ttl_seconds: 5,
      }),
      heartbeat: h.session.heartbeat('x'),
      enqueueBridgeEvent: h.session.enqueueBridgeEvent({
        event_id: 'e',
        transport: 'nostr',
        payload: '1',
        payload_hash: payloadHash(1),
      }),
      markBridgeEventSent: h.session.markBridgeEventSent('e', ''),
      refuseBridgeEvent: h.session.refuseBridgeEvent('e', ''),
    };
    const watched = Object.entries(writes).map(([name, promise]) => [name, watch(promise)] as const);
    await h.sim.until(() => watched.every(([, call]) => call.done));
    for (const [name, call] of watched) expect([name, call.error?.code]).toEqual([name, 'read_only']);
    expect(sent).toEqual([]);
    expect(h.session.status().counters.calls_sent).toBe(0);
    await h.close();
  });

  test('I23: a read-only session reads in every way, and nothing but reading reaches the host', async () => {
    const h = new Harness({ readOnly: true, followGranted: true, watchRenewMs: 5000, headPollMs: 2000 });
    const sent = new Set<string>();
    h.host.intercept = (_connection, message) => {
      sent.add('name' in message ? `${message.type} ${message.name}` : message.type);
      return false;
    };
    h.host.stream('s');
    h.host.stream('bell', { fanout: 'doorbell' });
    h.session.follow('s', null);
    h.session.follow('bell', null);
    h.session.start();
    await h.live();
    h.host.append('s', 5, false);
    h.host.append('bell', 5);
    await h.received('s', 5);
    await h.received('bell', 5);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    h.session.unfollow('s');
    h.session.unfollow('bell');
    await h.sim.advance(1000);
    await h.close();
    expect([...sent].sort()).toEqual([
      'procedure open_stream',
      'procedure read_heads',
      'procedure read_page',
      'reducer renew_watches',
      'reducer unwatch',
      'subscribe',
      'unsubscribe',
    ]);
  });

  test('I23: the connection refuses by itself too, should a part of the session ever forget', async () => {
    const h = new Harness();
    const ended: string[] = [];
    const connection = new Connection(
      newEnvironment(h.sim.ports),
      {
        socket: h.host.socket,
        request: { url: 'ws://host.test/', protocols: [], headers: {} },
        connectTimeoutMs: 1000,
        watchdogMs: 1000,
        closeTimeoutMs: 1000,
        onlyReducers: readingReducers,
      },
      { ready: () => {}, transaction: () => {}, setLost: () => {}, ended: (close) => ended.push(close.code) },
    );
    await h.sim.advance(10);
    const outcomes: unknown[] = [];
    connection.callReducer('append_sync_event', none, (outcome) => outcomes.push(outcome));
    connection.callReducer('renew_watches', none, () => {});
    await h.sim.advance(10);
    expect(outcomes).toEqual([{ type: 'failed', error: expect.objectContaining({ code: 'read_only' }) }]);
    expect(h.host.log).toEqual(['renew_watches']);
    connection.terminate({ code: 'closed_by_owner', message: '' });
    expect(ended).toEqual(['closed_by_owner']);
  });

  test('a reducer that says token_expired makes the session refresh', async () => {
    const h = await connected();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'reducer' || connection.number === 2n) return false;
      connection.send(reducerError(message.request_id, 'token_expired: over'));
      return true;
    };
    const call = watch(h.session.call('x', none));
    await h.sim.until(() => call.done);
    expect(call.error?.code).toBe('token_expired');
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    await h.close();
  });
});
