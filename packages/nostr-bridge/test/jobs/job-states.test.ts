import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type JobInput, JobStore, jobInputs, jobStates, jobTransitions } from '../../src/index.ts';
import { openJobStates } from '../../src/jobs/job-states.ts';
import { withFile } from '../support/bridge-file.ts';
import { bob, second, sign } from '../support/events.ts';

const ended = ['done', 'error', 'cancelled', 'expired'] as const;
const clock = { now: () => second * 1000, monotonic: () => 0 };

describe('the table of jobs', () => {
  test('J1 has an answer for every state and input; ends are never left, and reached from every other state', () => {
    for (const state of jobStates) expect(Object.keys(jobTransitions[state])).toEqual([...jobInputs]);
    for (const state of ended) expect(Object.values(jobTransitions[state]).every((to) => to === undefined)).toBe(true);
    for (const state of openJobStates) {
      expect(ended.every((end) => Object.values(jobTransitions[state]).includes(end))).toBe(true);
    }
    expect(openJobStates).toHaveLength(5);
  });

  test('J1 J2 whatever comes, a job ends at most once, and every move is one version', async () => {
    await withFile((file) => {
      const jobs = new JobStore(file, clock);
      let number = 0;
      fc.assert(
        fc.property(fc.array(fc.constantFrom<JobInput>(...jobInputs), { maxLength: 15 }), (inputs) => {
          number += 1;
          const request = sign({ kind: 5_050, content: `${number}` });
          expect([jobs.add('provider', request, bob.pubkey, 1), jobs.add('provider', request, bob.pubkey, 1)]).toEqual([
            true,
            false,
          ]);
          let ends = 0;
          let version = 1;
          for (const input of inputs) {
            const moved = jobs.move('provider', request.id, input, { detail: input });
            if (moved === undefined) continue;
            version += 1;
            expect([moved.version, moved.detail]).toEqual([version, input]);
            if ((ended as readonly string[]).includes(moved.state)) ends += 1;
          }
          expect(ends).toBeLessThanOrEqual(1);
          expect(jobs.get('provider', request.id)?.version).toBe(version);
        }),
        propertyRuns(100),
      );
      expect(jobs.move('customer', 'none', 'pay')).toBeUndefined();
    });
  });

  test('J2 the two sides of one request are two jobs', async () => {
    await withFile((file) => {
      const jobs = new JobStore(file, clock);
      const request = sign({ kind: 5_050 });
      jobs.add('customer', request, bob.pubkey, 1);
      jobs.add('provider', request, bob.pubkey, 1);
      jobs.move('customer', request.id, 'cancel');
      expect(jobs.get('provider', request.id)?.state).toBe('offered');
      expect(jobs.list('cancelled', 9)).toHaveLength(1);
    });
  });
});
