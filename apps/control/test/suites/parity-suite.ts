import {
  type ComparisonPair,
  mergeWindows,
  noiseFloor,
  noiseOf,
  type ParityWindow,
  parityMeasures,
} from '@autopilot/cutover-flags/parity';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sql } from 'kysely';
import { bucketLengthOf } from '../../src/cutover/parity-bucket.ts';
import type { ParityInUse, ParityReport } from '../../src/cutover/parity-store.ts';
import { defaultParityBounds } from '../../src/cutover/parity-trim.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { heldOf, ParityWorld, smallBounds, type Told } from '../support/parity-world.ts';
import type { NewPlace, Place } from '../support/place.ts';

const day = 86_400_000;
const lanes = 'khala/spacetime';
const told = (unit: string, from: number, to: number, more: Partial<Told> = {}): Told => {
  return { unit, pair: lanes, from, to, counts: { match: 10 }, ran: 'v1', ...more };
};

/** What a store of comparisons must do on every kind of store. `replicas` opens that many on one place. */
export function paritySuite(place: NewPlace): void {
  let where: Place;
  let stores: Store[];

  beforeAll(async () => {
    where = await place();
    stores = [await openStore({ dataDir: where.dataDir, url: where.store })];
    // SQLite is for one process: there the second replica shares its connection.
    const second =
      where.store === undefined ? stores[0] : await openStore({ dataDir: where.dataDir, url: where.store });
    if (second !== undefined) stores.push(second);
  }, 60_000);
  afterAll(async () => {
    for (const store of new Set(stores)) await store.close();
  });

  describe('what is kept of comparisons', () => {
    test('K17 K18 K19 buckets say what the windows say, whatever is posted again, deleted, and by whichever replica', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(1, 7, 1_000, 80_000),
          fc.array(step, { maxLength: 40 }),
          async (rate, steps) => {
            const world = await ParityWorld.open(stores, rate);
            const counted = await play(world, steps);
            await compareAll(world, counted);
          },
        ),
        propertyRuns(25),
      );
    }, 120_000);

    test('K17 many windows at once through four replicas are all in the one bucket, each once', async () => {
      const world = await ParityWorld.open([...stores, ...stores], 1, defaultParityBounds);
      const from = world.now;
      world.now += 10_000;
      const windows = Array.from({ length: 6_000 }, (_, n) => told(`u${n % 400}`, from + n, from + 9_000));
      const answers = await Promise.all(windows.map((window, n) => world.tell(window, n)));
      // The very same, each to another replica.
      const again = await Promise.all(windows.map((window, n) => world.tell(window, n + 1)));
      expect([answers, again].map((each) => each.filter(Boolean).length)).toEqual([6_000, 0]);
      const { totals, covered, buckets } = await world.parity.report(lanes, 0);
      expect([totals?.windows, totals?.counts.match, covered, buckets.length]).toEqual([6_000, 60_000, 9_000, 1]);
      expect(await world.parity.units(lanes, 0)).toBe(400);
    }, 60_000);

    test('K17 a window that comes again after it was deleted is not counted again, also of a clock that was wrong', async () => {
      const world = await ParityWorld.open(stores);
      const windows: Told[] = [];
      const tellNext = async (from: number) => {
        const next = told('u1', from, from + 1_000);
        windows.push(next);
        world.now += 1_000;
        return world.tell(next);
      };
      for (let n = 0; n < 12; n += 1) expect(await tellNext(world.now)).toBe(true);
      // A year ahead, then right again: what is right is behind what was told, and counts.
      for (let n = 0; n < 12; n += 1) expect(await tellNext(world.now + 365 * day)).toBe(true);
      await world.parity.trim(world.now);
      for (let n = 0; n < 12; n += 1) expect(await tellNext(world.now)).toBe(true);
      // While they are deleted as well as afterwards.
      const meanwhile = windows.map((window, n) => world.tell(window, n));
      await Promise.all([world.parity.trim(world.now), world.replicas[1]?.trim(world.now), ...meanwhile]);
      expect((await Promise.all(meanwhile)).filter(Boolean)).toEqual([]);
      expect(await rowsOf(world, 'cutover_parity')).toBe(smallBounds.withoutSamples);
      for (const [index, window] of windows.entries()) expect(await world.tell(window, index)).toBe(false);
      const { totals } = await world.parity.report(lanes, 0);
      expect(totals?.windows).toBe(36);
      // What was refused is not left behind.
      expect(await rowsOf(world, 'cutover_parity')).toBe(smallBounds.withoutSamples);
    });

    test('K18 what came after a change of the share is in no bucket with what came before, and needs no border', async () => {
      const world = await ParityWorld.open(stores);
      world.now += bucketLengthOf(1) - (world.now % bucketLengthOf(1));
      const before = world.now;
      world.now += 1_000;
      await world.tell(told('u1', before, world.now));
      world.now += 1_000;
      await world.changeShare();
      world.now += 1_000;
      await world.tell(told('u1', world.shareSince, world.now, { counts: { mismatch: 1 } }));
      const { totals } = await world.parity.report(lanes, world.shareSince);
      expect(totals).toMatchObject({ windows: 1, counts: { match: 0, mismatch: 1 } });
      expect((await world.parity.report(lanes, before)).totals?.windows).toBe(2);
      // A bucket that is partly older is left out as a whole.
      expect((await world.parity.report(lanes, before + 1)).totals?.windows).toBe(1);
      expect((await world.parity.report(lanes, world.shareSince + 1)).totals).toBeUndefined();
    });

    test('K19 what is old goes, windows, counts and units; samples outlive windows without', async () => {
      const world = await ParityWorld.open(stores);
      const sample = (n: number) => ({ result: 'mismatch', seq: `${n}` });
      const began = world.now;
      for (let n = 0; n < 20; n += 1) {
        world.now += 1_000;
        const samples = n % 5 === 0 ? [sample(n)] : [];
        await world.tell(told(`u${n}`, world.now - 1_000, world.now, { samples }));
      }
      await world.parity.trim(world.now);
      expect(await world.parity.samples(lanes, 0, 50)).toEqual([sample(10), sample(15)]);
      expect(await world.parity.samples(lanes, 0, 1)).toEqual([sample(15)]);
      expect(await world.parity.samples(lanes, began + 12_000, 50)).toEqual([sample(15)]);
      expect(await rowsOf(world, 'cutover_parity')).toBe(5);
      expect(await rowsOf(world, 'cutover_parity_unit')).toBe(20);
      expect((await world.parity.report(lanes, 0)).totals?.windows).toBe(20);
      world.now += 30 * day;
      await world.tell(told('new', world.now - 1_000, world.now));
      // Deleted long after it was counted: until its bucket is gone it is known not to count again.
      await world.parity.sweep(began - day, world.now);
      expect((await world.parity.report(lanes, 0)).totals?.windows).toBe(21);
      await world.parity.sweep(began + day, world.now);
      expect((await world.parity.report(lanes, 0)).totals?.windows).toBe(1);
      expect(await rowsOf(world, 'cutover_parity')).toBe(1);
      expect(await rowsOf(world, 'cutover_parity_bucket')).toBe(1);
      // Where windows were is known for as long as a bucket could hold one that was deleted.
      expect(await rowsOf(world, 'cutover_parity_unit')).toBe(6);
      expect(await world.tell(told('u19', began + 19_000, began + 20_000))).toBe(false);
      world.now += 2 * day;
      await world.parity.sweep(world.now - day, world.now);
      expect(await rowsOf(world, 'cutover_parity_unit')).toBe(1);
    });

    test('K19 the oldest buckets and units go beyond their bounds', async () => {
      const world = await ParityWorld.open(stores, 1, { ...smallBounds, buckets: 3, units: 2 });
      for (let n = 0; n < 6; n += 1) {
        world.now += bucketLengthOf(1);
        await world.tell(told(`u${n}`, world.now - 1_000, world.now));
      }
      await world.parity.sweep(0, world.now);
      expect(await rowsOf(world, 'cutover_parity_bucket')).toBe(4);
      expect((await world.parity.report(lanes, 0)).buckets.at(-1)?.begins).toBeGreaterThan(
        world.now - bucketLengthOf(1),
      );
      expect(await world.parity.units(lanes, 0)).toBe(3);
    });

    test('K20 windows of a store without buckets are counted when it is opened, once', async () => {
      const world = await ParityWorld.open(stores, 1, defaultParityBounds);
      await world.changeModule();
      const windows = Array.from({ length: 1_100 }, (_, n): Told => {
        const from = world.now - day + n * 60_000;
        const differs = n % 100 === 0;
        return told(`u${n % 7}`, from, from + 60_000, {
          pair: n % 3 === 0 ? 'khala/khala' : lanes,
          ran: n % 2 === 0 ? 'v1' : null,
          counts: { match: n, ...(differs ? { mismatch: 1 } : {}) },
          samples: differs ? [{ seq: `${n}` }] : [],
        });
      });
      await leaveUncounted(world, windows);
      await world.reopen();
      await world.reopen();
      await compareAll(world, windows);
      expect((await world.parity.samples(lanes, 0, 50)).length).toBeGreaterThan(5);
      // What was told to the version before is known to this one.
      const [first] = windows;
      expect(first && (await world.tell(first))).toBe(false);
    }, 60_000);

    test('K20 a store of the version before gets its tables when it is opened', async () => {
      const own = await place();
      const open = () => openStore({ dataDir: own.dataDir, url: own.store });
      const before = await open();
      const world = await ParityWorld.open([before]);
      const from = world.now;
      await asBefore(before);
      const { window, ran } = heldOf(told('u1', from, from + 1_000));
      const report = JSON.stringify({ window, ran });
      await sql`insert into cutover_parity (unit, pair, from_at, to_at, report)
        values ('u1', ${lanes}, ${from}, ${from + 1_000}, ${report})`.execute(before.db);
      await before.close();
      const after = await open();
      const upgraded = await ParityWorld.over([after]);
      expect((await upgraded.parity.report(lanes, 0)).totals).toMatchObject({ windows: 1, counts: { match: 10 } });
      expect(await upgraded.tell(told('u1', from, from + 1_000))).toBe(false);
      expect(await upgraded.tell(told('u1', from + 1_000, from + 2_000))).toBe(true);
      await after.close();
    }, 60_000);
  });
}

const pairs = ['khala/spacetime', 'khala/khala', 'spacetime/spacetime'] as const;
const few = fc.nat(2);

/** Lengths are hundredths of a bucket. */
const length = fc.oneof(fc.nat(30), fc.nat(400));
const window = fc.record({
  unit: fc.nat(3),
  pair: fc.constantFrom(...pairs),
  ran: fc.constantFrom('v1', 'v1', 'v2', null),
  length,
  /** How long ago it ended, where it comes late. */
  late: fc.option(length, { freq: 4 }),
  counts: fc.record({ match: fc.nat(60), mismatch: few, missing_left: few, extra: few, ignored: few }),
  sampled: fc.boolean(),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('tell'), windows: fc.array(window, { maxLength: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait'), length }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('again'), which: fc.nat(), replica: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('trim') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('share', 'module', 'reopen') }) },
) as fc.Arbitrary<Step>;

type Step =
  | { kind: 'tell'; windows: (typeof window extends fc.Arbitrary<infer Value> ? Value : never)[] }
  | { kind: 'wait'; length: number }
  | { kind: 'again'; which: number; replica: number }
  | { kind: 'trim' | 'share' | 'module' | 'reopen' };

/** Does the steps; returns the windows that were counted. */
async function play(world: ParityWorld, steps: readonly Step[]): Promise<readonly Told[]> {
  const bucket = bucketLengthOf(world.clock.rate);
  const of = (hundredths: number) => Math.ceil((bucket * hundredths) / 100);
  const began = world.now;
  const everTold: Told[] = [];
  const counted: Told[] = [];
  const last = new Map<string, number>();
  for (const one of steps) {
    if (one.kind === 'wait') world.now += of(one.length);
    if (one.kind === 'trim') await world.replicas[1]?.trim(world.now);
    if (one.kind === 'reopen') await world.reopen();
    // What has changed has changed after everything that was compared until then.
    if (one.kind === 'share' || one.kind === 'module') world.now += 1;
    if (one.kind === 'share') await world.changeShare();
    if (one.kind === 'module') await world.changeModule();
    if (one.kind === 'again') {
      const again = everTold[one.which % Math.max(1, everTold.length)];
      if (again !== undefined && (await world.tell(again, one.replica))) counted.push(again);
    }
    if (one.kind !== 'tell') continue;
    world.now += 1;
    const windows = one.windows.flatMap((each): { told: Told; isNew: boolean }[] => {
      const own = `${each.unit} ${each.pair}`;
      const until = last.get(own) ?? began;
      const to = each.late === null ? world.now : Math.max(began, world.now - 1 - of(each.late));
      const from = Math.max(began, each.late === null ? until : began, to - of(each.length));
      if (each.late === null && until === world.now) return [];
      if (each.late === null) last.set(own, to);
      const { pair, ran, counts } = each;
      const samples = each.sampled ? [{ seq: `${everTold.length}` }] : [];
      return [{ told: { unit: `u${each.unit}`, pair, from, to, counts, ran, samples }, isNew: each.late === null }];
    });
    // All of them by both replicas at once.
    const answers = await Promise.all(
      windows.map(({ told }) => Promise.all([world.tell(told, 0), world.tell(told, 1)])),
    );
    for (const [index, { told, isNew }] of windows.entries()) {
      const times = (answers[index] ?? []).filter(Boolean).length;
      // What goes on where the unit stopped is always counted; what comes late may lie where windows were deleted.
      if (isNew) expect(times).toBe(1);
      everTold.push(told);
      for (let n = 0; n < times; n += 1) counted.push(told);
    }
  }
  const names = counted.map(({ unit, pair, from, to }) => JSON.stringify([unit, pair, from, to]));
  expect(names.length).toBe(new Set(names).size);
  return counted;
}

/** Holds every report to what the single windows say. */
async function compareAll(world: ParityWorld, counted: readonly Told[]): Promise<void> {
  const bucket = bucketLengthOf(world.clock.rate);
  const border = (time: number) => Math.ceil(time / bucket) * bucket;
  const moduleSince = world.moduleSince ?? Number.POSITIVE_INFINITY;
  const uses: (ParityInUse | undefined)[] = [undefined, { ran: new Set(['v1']), moduleSince }];
  uses.push({ ran: new Set(['v1', 'v2', null]), moduleSince });
  const middle = counted[Math.floor(counted.length / 2)]?.to ?? world.now;
  for (const pair of pairs) {
    for (const since of [0, border(middle), border(middle) - bucket, world.shareSince, border(world.now)]) {
      const known = counted.filter((told) => told.pair === pair && told.to >= since);
      expect(await world.parity.units(pair, since)).toBe(new Set(known.map(({ unit }) => unit)).size);
      for (const inUse of uses) {
        const fits = ({ ran, from }: Told) =>
          inUse === undefined || (ran !== null && inUse.ran.has(ran) && from >= inUse.moduleSince);
        compare(await world.parity.report(pair, since, inUse), known.filter(fits));
      }
    }
    // Between two borders nothing older counts, and what is missing is not older than the next border.
    const since = border(middle) - Math.ceil(bucket / 3);
    const { totals } = await world.parity.report(pair, since);
    const endedBy = (time: number) => counted.filter((told) => told.pair === pair && told.to >= time).length;
    expect(totals?.windows ?? 0).toBeLessThanOrEqual(endedBy(since));
    expect(totals?.windows ?? 0).toBeGreaterThanOrEqual(endedBy(border(since)));
  }
}

function compare({ totals, covered, buckets }: ParityReport, counted: readonly Told[]): void {
  const windows = counted.map((told) => heldOf(told).window);
  expect(totals?.windows ?? 0).toBe(windows.length);
  expect(covered).toBe(coveredBy(windows));
  expect(buckets.reduce((sum, each) => sum + each.totals.windows, 0)).toBe(windows.length);
  if (totals === undefined) return;
  const merged = mergeWindows(windows);
  expect(parityMeasures(totals)).toEqual(parityMeasures(merged));
  expect([totals.from, totals.to, totals.counts]).toEqual([merged.from, merged.to, merged.counts]);
  if (isNull(totals.pair)) expect(noiseOf([totals]).spread).toBeCloseTo(noiseFloor(windows).spread, 10);
}

function isNull(pair: ComparisonPair): boolean {
  return pair !== lanes;
}

/** Moment by moment: time between two neighbouring ends is covered when some window with a position holds it. */
function coveredBy(windows: readonly ParityWindow[]): number {
  const ends = [...new Set(windows.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  return ends.slice(1).reduce((sum, end, index) => {
    const begin = ends[index] ?? end;
    const held = windows.some(({ from, to, positions }) => positions > 0 && from <= begin && end <= to);
    return sum + (held ? end - begin : 0);
  }, 0);
}

type Tables = 'cutover_parity' | 'cutover_parity_bucket' | 'cutover_parity_unit';

async function rowsOf(world: ParityWorld, table: Tables): Promise<number> {
  const query = world.store.db.selectFrom(table).select((e) => e.fn.countAll<number>().as('count'));
  return (await query.executeTakeFirstOrThrow()).count;
}

/** Windows as the version before stored them. */
async function leaveUncounted(world: ParityWorld, windows: readonly Told[]): Promise<void> {
  const rows = windows.map((told) => {
    const { unit, pair, from: from_at, to: to_at } = told;
    const { window, ran } = heldOf(told);
    return { unit, pair, from_at, to_at, report: JSON.stringify({ ran, window }), has_samples: null };
  });
  await world.store.db.insertInto('cutover_parity').values(rows).execute();
}

/** Takes the tables back to what they were before there were buckets. */
async function asBefore({ db }: Store): Promise<void> {
  await db.schema.dropTable('cutover_parity_bucket').execute();
  await db.schema.dropTable('cutover_parity_unit').execute();
  await db.schema.dropIndex('cutover_parity_kept').execute();
  await db.schema.alterTable('cutover_parity').dropColumn('has_samples').execute();
  await db.schema.createIndex('cutover_parity_time').on('cutover_parity').columns(['pair', 'to_at']).execute();
  await db.schema.dropTable('nostr_challenge').execute();
  await sql`delete from kysely_migration where name >= '0007'`.execute(db);
}
