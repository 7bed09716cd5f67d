import { nodeSocketFactory } from '@autopilot/session';
import { streamIdForTopic } from '@autopilot/sync-contract';
import { systemHttp } from '@autopilot/sync-contract/system-ports';
import { type KhalaServer, startKhala, waitFor } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DesktopOptions } from '../../src/start-desktop.ts';
import { type CutoverControl, cutoverControl } from '../support/cutover-control.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { type ScriptedDesktop, startScripted } from '../support/scripted-desktop.ts';
import { eventsOf } from '../support/scripted-lane.ts';

const worker = 'run:1:events';
const id = streamIdForTopic(worker);

let khala: KhalaServer;
let control: CutoverControl;
let running: ScriptedDesktop | undefined;
beforeEach(async () => {
  khala = await startKhala();
  control = cutoverControl();
  control.streams = [id];
});
afterEach(async () => {
  await running?.end();
  running = undefined;
  await khala.close();
});

/** A desktop with the real khala lane against the fixture; spacetime and control are scripted. */
const start = async (over: Partial<DesktopOptions> = {}) => {
  running = await startScripted({
    http: (request) => (request.url.startsWith(khala.url) ? systemHttp(request) : control.http(request)),
    socket: nodeSocketFactory,
    khala: { url: khala.url },
    comms: { limits: { dwellMs: 1, lookEveryMs: 5, liveWithinMs: 5000 }, pollMs: { shortest: 20, longest: 50 } },
    ...over,
  });
  return running;
};
const until = (look: () => unknown, describe: string) =>
  waitFor(() => Boolean(look()), { describe, timeoutMs: 10_000 });

/** What control mirrors: the very event that spacetime has. */
const mirror = (from: number, to: number) => {
  for (const { kind, payload, idempotency_key } of eventsOf(id, from, to)) {
    const oa_mirror = { v: 1, epoch: 'e1', idempotency_key };
    khala.publish(worker, { event_type: `worker.${kind}`, payload: { oa_mirror, body: JSON.parse(payload) } });
  }
};

describe('the desktop on the real khala lane', () => {
  test('applies what khala brings, hands over to spacetime at its place, and back', async () => {
    mirror(1, 30);
    const { desktop, lane: spacetime } = await start();
    await spacetime.askToken();
    spacetime.grant(id);
    await until(() => desktop.state().totals.applied === 30, 'what khala had kept');
    mirror(31, 35);
    await until(() => desktop.state().totals.applied === 35, 'what khala sent live');
    expect(desktop.state().connection).toMatchObject({ lane: 'khala', state: 'live', protocol: 'khala.ws.v1' });
    goLive(spacetime);
    spacetime.batch(eventsOf(id, 1, 35), 'replay');
    spacetime.head(id, 35);
    control.set({ stage: 2, shadow_sample: 1 });
    await until(() => desktop.state().comms?.router.active === 'spacetime', 'the flip');
    spacetime.batch(eventsOf(id, 36, 40), 'live');
    mirror(36, 45);
    expect(desktop.state()).toMatchObject({ connection: { lane: 'spacetime' }, totals: { applied: 40 } });
    await until(() => desktop.state().comms?.router.lanes[0]?.lag_events === 0n, 'khala to be level');
    const now = Date.now();
    const fallback = { incident: 'INC-1', operator: 'kim', reason: 'drill', since: now, units: 'all' } as const;
    control.set({ fallback: { ...fallback, expires_at: now + 60_000 } });
    await until(() => desktop.state().totals.applied === 45, 'what only khala has');
    expect(desktop.state()).toMatchObject({
      connection: { lane: 'khala' },
      totals: { duplicates: 0, gaps: 0, conflicts: 0, resets: 0, stale: 0 },
      streams: [{ stream_id: id, seq: 45n }],
    });
    expect(desktop.state().comms?.router).toMatchObject({ done: 2, failed: 0 });
  });

  test('without a policy it is on khala alone, asks control whose streams these are, and keeps them', async () => {
    control.old = true;
    mirror(1, 12);
    const { desktop } = await start();
    await until(() => desktop.state().totals.applied === 12, 'the events');
    expect(desktop.state()).toMatchObject({
      connection: { lane: 'khala' },
      comms: { decision: { rule: 'D.1' }, router: { lanes: [{ role: 'active' }, { role: 'off' }] } },
    });
  });

  test('H16: a null run reads khala twice, over two connections, and finds it equal to itself', async () => {
    mirror(1, 30);
    const { desktop, lane: spacetime } = await start({ nullRun: 'khala' });
    await spacetime.askToken();
    spacetime.grant(id);
    await until(() => desktop.state().totals.applied === 30, 'what khala had kept');
    mirror(31, 40);
    const run = () => desktop.state().comms?.null_run;
    await until(() => run()?.counts.match === 40, 'both readers');
    expect(run()).toMatchObject({ pair: 'khala/khala', running: true, second: 'live', unequal_chains: 0 });
    expect(run()?.counts).toMatchObject({ mismatch: 0, missing_left: 0, missing_right: 0, extra: 0 });
    expect(khala.connections.open).toBe(2);
    goLive(spacetime);
    spacetime.batch(eventsOf(id, 1, 40), 'replay');
    control.set({ stage: 2 });
    await until(() => desktop.state().comms?.router.active === 'spacetime', 'the flip');
    await until(() => khala.connections.open === 0, 'no connection to khala');
    expect(run()).toMatchObject({ running: false, reason: 'khala is not open here (S2.1)' });
    expect(desktop.state().totals).toMatchObject({ applied: 40, duplicates: 0, gaps: 0, conflicts: 0 });
  });

  test('H8: when the decision needs no khala, not one connection reaches it', async () => {
    for (const stage of [2, 3] as const) {
      control = cutoverControl({ stage });
      const { desktop } = await start();
      await until(() => control.heartbeats.length > 0, 'a heartbeat');
      expect(desktop.state().comms).toMatchObject({ stage, router: { active: 'spacetime' } });
      await running?.end();
      running = undefined;
    }
    expect([khala.connections.tcp, khala.connections.total]).toEqual([0, 0]);
  });
});
