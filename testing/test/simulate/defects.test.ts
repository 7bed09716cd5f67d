import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Disk } from '../../src/simulate/disk.ts';
import { makePlan } from '../../src/simulate/make-plan.ts';
import { runPlan } from '../../src/simulate/run-plan.ts';
import { soundWiring } from '../../src/simulate/wiring.ts';
import { defects } from './defects.ts';

/** Every defect has to be noticed by one of so many seeds. */
const mostSeeds = 300;

let disk: Disk;
beforeAll(async () => {
  disk = await Disk.make();
});
afterAll(() => disk.close());

describe('the oracle notices', () => {
  test.each(Object.entries(defects))(
    '%s',
    async (_name, { wiring, install, noticedBy }) => {
      const remove = install?.();
      try {
        let rule: string | undefined;
        for (let seed = 1; seed <= mostSeeds && rule === undefined; seed += 1) {
          const result = await runPlan(makePlan(seed), { disk, wiring: { ...soundWiring, ...wiring } });
          rule = result.violation?.rule;
        }
        expect(noticedBy).toContain(rule);
      } finally {
        remove?.();
      }
    },
    120_000,
  );
});
