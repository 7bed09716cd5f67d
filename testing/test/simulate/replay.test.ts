import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Disk } from '../../src/simulate/disk.ts';
import { makePlan } from '../../src/simulate/make-plan.ts';
import { runPlan } from '../../src/simulate/run-plan.ts';
import { shrink } from '../../src/simulate/shrink.ts';
import { failureText } from '../../src/simulate/summary.ts';
import { soundWiring } from '../../src/simulate/wiring.ts';
import { defects } from './defects.ts';

let disk: Disk;
beforeAll(async () => {
  disk = await Disk.make();
});
afterAll(() => disk.close());

const traceOf = async (seed: number) => (await runPlan(makePlan(seed), { disk, traced: true })).trace.join('\n');

describe('a seed', () => {
  test('gives the same trace every time, byte for byte', async () => {
    for (const seed of [1, 2, 3, 95, 807]) {
      const trace = await traceOf(seed);
      expect(trace.length).toBeGreaterThan(1_000);
      expect(await traceOf(seed)).toBe(trace);
    }
  }, 60_000);

  test('gives another trace than its neighbour', async () => {
    expect(await traceOf(2)).not.toBe(await traceOf(1));
  });

  test('gives the same plan every time, with steps in order of time', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const plan = makePlan(seed);
      expect(makePlan(seed)).toEqual(plan);
      const times = plan.steps.map(({ at }) => at);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    }
  });
});

describe('a failing seed', () => {
  const wiring = { ...soundWiring, ...defects['a session that hands over what it had handed over']?.wiring };

  test('says what is wrong, what had happened, and how to see it again', async () => {
    const plan = makePlan(4);
    const { violation } = await runPlan(plan, { disk, wiring });
    if (violation === undefined) throw new Error('nothing was noticed');
    const text = failureText({ seed: 4, violation, plan });
    expect(text).toContain('seed 4 broke the rule order after');
    expect(text).toContain('pnpm simulate --seed 4 --replay');
  });

  test('is shrunk to the steps that it takes', async () => {
    const plan = makePlan(4);
    const { violation } = await runPlan(plan, { disk, wiring });
    if (violation === undefined) throw new Error('nothing was noticed');
    const small = await shrink(plan, violation, disk, wiring);
    // A stream with a backlog is handed over without any step.
    expect(plan.steps.length).toBeGreaterThan(5);
    expect(small.steps).toEqual([]);
    expect((await runPlan(small, { disk, wiring })).violation?.rule).toBe('order');
  });
});
