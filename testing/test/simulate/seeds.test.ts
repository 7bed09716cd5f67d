import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Disk } from '../../src/simulate/disk.ts';
import { faultKinds } from '../../src/simulate/draw-fault.ts';
import { runSeeds } from '../../src/simulate/run-seeds.ts';
import { addSummary, emptySummary, failureText } from '../../src/simulate/summary.ts';

const seedsPerPart = 100;
const parts = [0, 1, 2, 3, 4];

let disk: Disk;
const all = emptySummary();
beforeAll(async () => {
  disk = await Disk.make();
});
afterAll(() => disk.close());

describe('the client side on simulated time', () => {
  test.each(parts)(
    'part %i of 500 seeds breaks no rule',
    async (part) => {
      const summary = await runSeeds(part * seedsPerPart + 1, seedsPerPart, disk);
      addSummary(all, summary);
      expect(summary.failures.map(failureText)).toEqual([]);
      expect(summary.seeds).toBe(seedsPerPart);
    },
    120_000,
  );

  test('the seeds inject every kind of fault, and come through what it leads to', () => {
    expect(all.seeds).toBe(seedsPerPart * parts.length);
    expect(faultKinds.filter((kind) => (all.faults[kind] ?? 0) === 0)).toEqual([]);
    const lookedFor = [
      'state live',
      'state needs-auth',
      'state failed',
      'kills',
      'power losses',
      'torn writes',
      'refreshes',
      'refresh failures',
      'replayed events',
      'live events',
      'duplicates',
      'gaps',
      'buffer overflows',
      'stalled reads',
      'watch repairs',
      'stale callbacks',
      'signal stale',
      'resets',
      'closed streams',
      'quarantined',
      'rewinds',
      'refused writes',
      'full disks',
      'calls resent',
    ];
    expect(lookedFor.filter((name) => (all.seen[name] ?? 0) === 0)).toEqual([]);
  });
});
