import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '@autopilot/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import { loadKhala } from '../../src/comms/load-khala.ts';
import { readToggles } from '../../src/comms/toggles.ts';
import { cutoverControl } from '../support/cutover-control.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';
import { startTwoLanes, type TwoLaneDesktop } from '../support/two-lane-desktop.ts';

const id = 'runtime.run.1.events';
const flag = 'OA_SPACETIME_PRIMARY_COMMS';
const running: TwoLaneDesktop[] = [];
const start = async (over: Parameters<typeof startTwoLanes>[0] = {}) => {
  const desktop = await startTwoLanes(over);
  running.push(desktop);
  return desktop;
};
afterEach(async () => {
  for (const desktop of running.splice(0)) await desktop.end();
});
const comms = ({ desktop }: TwoLaneDesktop) => {
  const state = desktop.state().comms;
  if (state === null) throw new Error('nobody decides here');
  return state;
};
const until = (look: () => unknown, describe: string) => waitFor(() => Boolean(look()), { describe });

describe('a desktop under a policy', () => {
  test('H7 H13: goes from Stage 0 to 2 and back by what control says, and tells control where it is', async () => {
    const two = await start();
    const { control, khala, spacetime, desktop } = two;
    expect(comms(two)).toMatchObject({ stage: 0, decision: { rule: 'S0.1', lane: 'khala', shadow: 'spacetime' } });
    const [old, next] = [khala[0], spacetime[0]];
    if (old === undefined || next === undefined) throw new Error('both lanes are open in Stage 0');
    await next.askToken();
    next.grant(id);
    for (const lane of [old, next]) {
      goLive(lane);
      lane.batch(eventsOf(id, 1, 3), 'live');
      lane.head(id, 3);
    }
    expect(desktop.state().connection.lane).toBe('khala');
    control.set({ stage: 2, shadow_sample: 1 });
    await until(() => comms(two).router.active === 'spacetime', 'the flip');
    next.batch(eventsOf(id, 4, 5), 'live');
    expect(desktop.state()).toMatchObject({ connection: { lane: 'spacetime' }, totals: { applied: 5, duplicates: 0 } });
    await until(() => control.heartbeats.at(-1)?.applied === 5, 'the heartbeat of it');
    expect(control.heartbeats.at(-1)).toMatchObject({
      ...{ unit: comms(two).unit, policy_revision: 2, stage: 2, lane: 'spacetime', rule: 'S2.1', shadow: 'khala' },
      ...{ session: 'live', lag_events: { khala: 2, spacetime: 0 }, gaps: 0, conflicts: 0, fallback_used: false },
      packages: {
        '@autopilot/desktop': expect.any(String),
        '@autopilot/cutover-flags': '0.1.0',
        '@autopilot/session': expect.any(String),
      },
      streams: [{ stream_id: id, epoch: 'e1', seq: '5', chain: chainOf(id, eventsOf(id, 1, 5)) }],
    });
    const now = Date.now();
    const fallback = { incident: 'INC-1', operator: 'kim', reason: 'drill', since: now, units: 'all' } as const;
    old.batch(eventsOf(id, 4, 5), 'live');
    control.set({ fallback: { ...fallback, expires_at: now + 60_000 } });
    await until(() => comms(two).router.active === 'khala', 'the fallback');
    await until(() => control.heartbeats.at(-1)?.fallback_used === true, 'the heartbeat of the fallback');
    expect(desktop.state().alarms.map(({ code }) => code)).toContain('emergency_fallback');
    old.batch(eventsOf(id, 6, 6), 'live');
    expect(desktop.state()).toMatchObject({ connection: { lane: 'khala' }, totals: { applied: 6, duplicates: 0 } });
    // Windows of the comparison reach control, each once.
    await until(() => matches(control.heartbeats) === 5, 'the windows of parity');
    await until(() => comms(two).parity?.counts.match === 5, 'the counts of the page');
    expect(comms(two).parity?.counts).toMatchObject({ mismatch: 0, missing_left: 0, missing_right: 0 });
  });

  test('H8: in Stage 3, and in Stage 2 without fallback and sample, khala is not opened at all', async () => {
    for (const policy of [{ stage: 2 }, { stage: 3 }, { stage: 3, sealed: true }] as const) {
      const two = await start({ cutover: cutoverControl(policy) });
      await until(() => two.control.heartbeats.length > 1, 'heartbeats');
      expect([comms(two).stage, two.khala.length, two.spacetime.length]).toEqual([policy.stage, 0, 1]);
    }
  });

  test('H4: in Stage 3 no session keeps khala, drain or not', async () => {
    const two = await start({ cutover: cutoverControl({ stage: 0, drain: false }) });
    for (const lane of [...two.khala, ...two.spacetime]) goLive(lane);
    two.control.set({ stage: 2 });
    await until(() => comms(two).router.phase === 'keeping', 'the session keeps its lane');
    two.control.set({ stage: 3 });
    await until(() => two.khala[0]?.closed, 'khala is closed');
    expect(comms(two).router).toMatchObject({ active: 'spacetime', phase: 'steady' });
  });

  test('a decision with an end is made again when it ends, without a word from control', async () => {
    const two = await start();
    for (const lane of [...two.khala, ...two.spacetime]) goLive(lane);
    const until_ = Date.now() + 600;
    const include = [{ unit: comms(two).unit, until: until_, reason: 'pilot' }];
    two.control.set({ stage: 1, cohort: { ...two.control.policy.cohort, include } });
    await until(() => comms(two).router.active === 'spacetime', 'the included unit');
    two.control.down = true;
    await until(() => comms(two).router.active === 'khala', 'the end of the inclusion');
    expect([comms(two).decision.rule, Date.now() >= until_]).toEqual(['S1.2', true]);
  });

  test('without --khala no khala lane is opened whatever is decided, and the page says what is missing', async () => {
    const two = await start({ khala: undefined });
    await until(() => two.desktop.state().alarms.some(({ code }) => code === 'lane_missing'), 'the alarm');
    expect([two.khala.length, comms(two).router.active, comms(two).router.missing_lane]).toEqual([
      0,
      'spacetime',
      'khala',
    ]);
  });

  test('a build without the lane starts all the same, and control without a policy means its safe lane', async () => {
    const cutover = cutoverControl();
    cutover.old = true;
    const bare = await start({ cutover, comms: { loadKhala: async () => null } });
    expect(comms(bare)).toMatchObject({ stage: null, decision: { rule: 'D.2', lane: 'spacetime' } });
    const whole = await start({ cutover });
    expect(comms(whole)).toMatchObject({ stage: null, decision: { rule: 'D.1', lane: 'khala' } });
    expect(whole.spacetime).toEqual([]);
  });
});

describe('toggles', () => {
  test('in Stage 3 a toggle that is present, with whatever value, is a typed error at the start', async () => {
    const cutover = cutoverControl({ stage: 3 });
    for (const value of ['1', '0', '']) {
      await expect(startTwoLanes({ cutover, env: { [flag]: value } })).rejects.toMatchObject({
        ...{ code: 'toggle_refused', recovery: 'ask-user' },
        message: expect.stringContaining(flag),
      });
    }
  });

  test('in Stage 1 the flag acts, in Stage 0 it is refused and told', async () => {
    const one = await start({ cutover: cutoverControl({ stage: 1 }), env: { [flag]: '1' } });
    expect(comms(one).decision).toMatchObject({ lane: 'spacetime', rule: 'S1.1' });
    const zero = await start({ env: { [flag]: '1' } });
    expect(comms(zero).decision).toMatchObject({ lane: 'khala', rule: 'S0.2', warning: 'S0.2' });
    await until(() => zero.desktop.state().alarms.some(({ code }) => code === 'toggle_without_effect'), 'the alarm');
  });

  test('are read in one file only', () => {
    expect(readToggles({ [flag]: '1', HOME: '/x' })).toEqual({ set: { [flag]: '1' }, flag: '1' });
    const src = path.join(import.meta.dirname, '..', '..', 'src');
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const readers = files.filter((file) =>
      /OA_SPACETIME_PRIMARY_COMMS|readToggles\(env|primaryCommsToggle\]/.test(
        readFileSync(path.join(src, file), 'utf8'),
      ),
    );
    expect(readers).toEqual([path.join('comms', 'toggles.ts')]);
  });
});

describe('loading khala', () => {
  const missing = (code: string, message: string) => () => Promise.reject(Object.assign(new Error(message), { code }));

  test('a missing file or package means that this build has none; anything else missing is an error', async () => {
    const file = "Cannot find module '/app/src/lanes/khala.ts' imported from /app/src/comms/load-khala.ts";
    const pack = "Cannot find package '@autopilot/legacy-lane' imported from /app/src/lanes/khala.ts";
    expect(await loadKhala(missing('ERR_MODULE_NOT_FOUND', file))).toBeNull();
    expect(await loadKhala(missing('ERR_MODULE_NOT_FOUND', pack))).toBeNull();
    const other = missing('ERR_MODULE_NOT_FOUND', "Cannot find package 'zod' imported from /app/src/lanes/khala.ts");
    await expect(loadKhala(other)).rejects.toThrow('zod');
    await expect(loadKhala(() => Promise.reject(new TypeError('broken')))).rejects.toThrow('broken');
  });
});

function matches(heartbeats: readonly Record<string, unknown>[]): number {
  const windows = new Map<number, number>();
  for (const { parity } of heartbeats) {
    const window = parity as { readonly from: number; readonly counts: { readonly match: number } } | undefined;
    if (window !== undefined) windows.set(window.from, window.counts.match);
  }
  return [...windows.values()].reduce((sum, match) => sum + match, 0);
}
