// The gate: with every relay hostile the owner's events are stored as soon as with a bridge that is stopped, give or take a
// tenth of the 99th percentile, the starts of the bridge included. It measures, so it runs in the gate alone and not among
// the tests; on an idle machine of two processors.
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { recordGateFacts } from '@autopilot/testing';
import { afterAll, expect, jest, test } from '@jest/globals';
import { endAll, linesOf, start, startHostileRelays } from '../support/lane-processes.ts';

/** Starts of a bridge, with about 24,000 events each; where the ratio is above the limit after them, as many again. */
const rounds = 2;
const stages = 3;
/** The 99th percentile from publishing to stored with the bridge running, as a multiple of that with it stopped. */
const limit = 1.1;
jest.setTimeout(420_000);

// With files on the disk, not in memory as those of other tests: what is written for a bridge is in the way of what is written
// for its owner.
const modules = path.join(import.meta.dirname, '..', '..', '..', '..', 'node_modules');
const folder = mkdtempSync(path.join(modules, '.bridge-isolation-'));
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

test('T10 with every relay hostile nothing is lost, and the 99th percentile is at most 1.10 times that with the bridge stopped', async () => {
  const relays = await startHostileRelays();
  const next = linesOf(
    start('bridge-isolation/main.ts', folder, 'hostile', relays, `${rounds}`, `${limit}`, `${stages}`),
  );
  const { outcome, times, bridge, seen } = JSON.parse(await next());
  const { published } = outcome;
  expect(outcome).toEqual({ published, stored: published, repeated: 0, gaps: 0, chainsAgree: true });
  // The bridge was there and at work, and its relays were at it.
  expect(bridge).toEqual({ starts: times.rounds, ended_here: 0 });
  expect(seen.mirrored).toBeGreaterThan(400 * times.rounds);
  expect(seen.losses).toBeGreaterThan(40 * times.rounds);
  expect(times.events).toBeGreaterThanOrEqual(rounds * 20_000);
  // With all that was measured, where it does not hold.
  const said = JSON.stringify(times);
  expect([said, times.p99_ratio <= limit]).toEqual([said, true]);
  const { rounds: starts, events: measured, ...measures } = times;
  recordGateFacts({ events: published, measures: { ...measures, starts, measured } });
});
