import { defaultCutoverConfig, judge } from '@autopilot/cutover-flags';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Cutover } from '../../src/cutover/cutover.ts';
import type { Drills } from '../../src/cutover/drills.ts';
import { openOwnGateKey } from '../../src/cutover/gate-keys.ts';
import { ranOf } from '../../src/cutover/held-window.ts';
import { createOwnGates, type OwnGates } from '../../src/cutover/own-gates.ts';
import { defaultParityBounds } from '../../src/cutover/parity-trim.ts';
import { createReceiptStore } from '../../src/cutover/receipt-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { atEnd } from '../support/cleanup.ts';
import { packages } from '../support/cutover-fixtures.ts';
import { ParityWorld, type Told } from '../support/parity-world.ts';
import { sqlitePlace } from '../support/place.ts';

jest.setTimeout(120_000);

const hour = 3_600_000;
const units = 40;
const windowLength = 90_000;
const ran = ranOf(packages);
const module_schema = 'sha256:m';

/** 40 units report every 90 s for a day, by a clock that the test moves, but for the hours between `from` and `to`. */
async function aDay(silent: { readonly from: number; readonly to: number }) {
  const store = await openStore(await sqlitePlace());
  atEnd(() => store.close());
  const world = await ParityWorld.open([store], 1, defaultParityBounds);
  await world.changeModule();
  const began = world.now;
  let windows = 0;
  while (world.now < began + 24 * hour) {
    const from = world.now;
    world.now += windowLength;
    const hours = (world.now - began) / hour;
    if (hours > silent.from && hours <= silent.to) continue;
    const tell = (unit: string, pair: Told['pair'], match: number) =>
      world.tell({ unit, pair, from, to: world.now, counts: { match }, ran });
    const told = Array.from({ length: units }, (_, n) => tell(`desktop-${n}`, 'khala/spacetime', 3 + (n % 5)));
    const answers = await Promise.all([...told, tell('null-run', 'khala/khala', 3)]);
    windows += answers.filter(Boolean).length - 1;
    if (from % hour < windowLength) await world.parity.trim(world.now);
  }
  const key = await openOwnGateKey(store);
  const gates = createOwnGates({
    cutover: {
      evidence: async () => ({ packages, commit: null, module_schema, facts: { binding: { protocols: ['p'] } } }),
      liveUnits: async () => [{ unit: 'desktop-0', heartbeat: { packages, conflicts: 0 } }],
      fleet: async () => ({ protocols: [] }),
    } as unknown as Cutover,
    parity: world.parity,
    drills: {} as Drills,
    receipts: createReceiptStore(store, [key.trusted]),
    key,
    clock: world.clock,
    wall: { now: () => world.now, monotonic: () => world.now },
    lookBack: 7 * 24 * hour,
    moduleSince: async () => began,
  });
  return { world, gates, windows };
}

async function judged(gates: OwnGates, world: ParityWorld, gate: 'parity' | 'parity-null') {
  const { receipt } = await gates.evaluate(gate, 'ci');
  const inUse = { packages, commit: null, module_schema };
  const requirement = defaultCutoverConfig.gates[gate];
  return { ...judge(receipt.observation, requirement, world.now, inUse), observation: receipt.observation };
}

describe('the default gate on a day of 40 desktops', () => {
  let whole: Awaited<ReturnType<typeof aDay>>;

  beforeAll(async () => {
    whole = await aDay({ from: 0, to: 0 });
  }, 120_000);

  test('K18 a day that all of them compared in passes, of more windows than are kept one by one', async () => {
    const { gates, world, windows } = whole;
    expect(windows).toBe((units * 24 * hour) / windowLength);
    expect(windows).toBeGreaterThan(20_000);
    const { status, reason, observation } = await judged(gates, world, 'parity');
    expect([status, reason]).toEqual(['met', expect.stringContaining('within')]);
    expect(observation.counts).toMatchObject({ cases: windows, failed: 0, events: windows * 5 });
    expect(observation.measures).toMatchObject({ match_ratio: 1, covered_ms: 24 * hour });
    expect((await judged(gates, world, 'parity-null')).status).toBe('met');
  });

  test('K19 one difference in it, seen hours ago and deleted since, still fails the gate', async () => {
    const { gates, world } = whole;
    const from = world.now - 20 * hour;
    const late = { unit: 'desktop-0', pair: 'khala/spacetime' as const, from: from + 1, to: from + 2, ran };
    expect(await world.tell({ ...late, counts: { match: 9, missing_right: 1 } })).toBe(true);
    await world.store.db.deleteFrom('cutover_parity').execute();
    expect((await judged(gates, world, 'parity')).status).toBe('failed');
  });

  test('K18 a day of which nine hours are missing does not pass', async () => {
    const { gates, world, windows } = await aDay({ from: 7, to: 16 });
    expect(windows).toBeGreaterThan(20_000);
    const { status, reason, observation } = await judged(gates, world, 'parity');
    expect(observation).toMatchObject({ verdict: 'pass', measures: { match_ratio: 1, covered_ms: 15 * hour } });
    expect([status, reason]).toEqual(['failed', expect.stringContaining('covered_ms')]);
  });
});
