import { draftEvent, genesisChain } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chainOf } from './support/chain.ts';
import { Harness, upTo } from './support/harness.ts';

/** One run of a session against the model of the host, with everything going wrong that a seed asks for. */
async function run(seed: number): Promise<void> {
  const h = new Harness({
    seed,
    pageSize: 7,
    liveBuffer: 9,
    headPollMs: 3000,
    watchdogMs: 20_000,
    requestTimeoutMs: 4000,
    applyWindow: 25,
  });
  h.tokenLife = 40_000;
  const chance = () => h.sim.random();
  h.host.latency = () => Math.floor(chance() * 40);
  h.host.procedureDelay = () => Math.floor(chance() * 120);
  // Every source, and both connections.
  const kinds = {
    a: ['inbox', 'confirmed'],
    b: ['inbox', 'unconfirmed'],
    c: ['doorbell', 'confirmed'],
    d: ['public', 'unconfirmed'],
  } as const;
  const ids = Object.keys(kinds);
  for (const [id, [fanout, readMode]] of Object.entries(kinds)) {
    h.host.stream(id, { fanout });
    h.session.follow(id, null, { readMode });
  }
  // An owner that works on by itself, at its own pace.
  h.session.listen((signal) => {
    const last = signal.type === 'batch' ? signal.events.at(-1) : undefined;
    if (last !== undefined) h.sim.after(Math.floor(chance() * 400), () => h.session.applied(last.stream_id, last));
  });
  // A provider that fails now and then.
  h.provide = async () => {
    if (chance() < 0.2) throw new Error('control is down');
    return h.token();
  };
  let calls = 0;
  let settled = 0;
  h.session.start();
  for (let step = 0; step < 80; step += 1) {
    const id = ids[Math.floor(chance() * ids.length)] ?? 'a';
    const what = chance();
    if (what < 0.45) h.host.append(id, 1 + Math.floor(chance() * 6), chance() < 0.8);
    else if (what < 0.6) {
      calls += 1;
      const draft = draftEvent({ stream_id: id, kind: 'call', payload: calls, idempotency_key: `call-${calls}` });
      h.session.appendSyncEvent(draft, undefined, { deadlineMs: 600_000 }).then(() => {
        settled += 1;
      });
    } else if (what < 0.68) h.host.open[Math.floor(chance() * h.host.open.length)]?.cut(chance() < 0.5 ? 1006 : 1001);
    else if (what < 0.72) for (const connection of h.host.open) connection.frozen = true;
    else if (what < 0.76) h.host.open[0]?.watches.delete(id);
    else if (what < 0.8) h.host.refuse = chance() < 0.5 ? undefined : () => ({ status: 503 });
    else if (what < 0.83) h.sim.sleep(Math.floor(chance() * 50_000));
    else if (what < 0.86) h.sim.jump(Math.floor(chance() * 50_000));
    else if (what < 0.89) h.session.hint((['online', 'offline', 'wake'] as const)[step % 3] ?? 'wake');
    const stream = h.host.streams.get(id);
    if (what > 0.97 && stream !== undefined) stream.route = `route-${step}`;
    await h.sim.advance(Math.floor(chance() * 900));
    for (const one of ids) {
      const seqs = h.seqs(one);
      expect(seqs).toEqual(upTo(seqs.length));
      expect(h.session.status().streams[one]?.unapplied).toBeLessThanOrEqual(25);
    }
  }
  h.host.refuse = undefined;
  await h.sim.until(() => settled === calls, 'all calls');
  for (const id of ids) {
    const length = h.host.streams.get(id)?.events.length ?? 0;
    await h.received(id, length);
    expect(h.seqs(id)).toEqual(upTo(length));
    const last = h.host.streams.get(id)?.events.at(-1)?.chain ?? genesisChain(id);
    expect(chainOf(id, h.events(id))).toBe(last);
  }
  await h.live();
  expect(h.session.status().counters.illegal_transitions).toBe(0);
  expect(h.session.status().counters.listener_errors).toBe(0);
  await h.close();
  expect([h.sim.timers, h.host.open.length]).toEqual([0, 0]);
}

describe('the whole session on simulated time', () => {
  test('I3: whatever is cut, frozen, delayed, refused or slept through, every log arrives whole and once, to a slow owner too', async () => {
    await fc.assert(fc.asyncProperty(fc.integer(), run), { numRuns: Number(process.env.SESSION_SEEDS ?? 6) });
  });
});
