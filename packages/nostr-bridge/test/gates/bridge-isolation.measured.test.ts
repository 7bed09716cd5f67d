// The gate: with every relay hostile the owner's events are stored as soon as without a bridge, give or take a tenth of the
// 99th percentile. It measures, so it runs in the gate alone and not among the tests; on an idle machine of two processors.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recordGateFacts } from '@autopilot/testing';
import { afterAll, expect, jest, test } from '@jest/globals';
import { endAll, linesOf, start, startHostileRelays } from '../support/lane-processes.ts';

/** Of three blocks of 3,000 events each; where the ratio is above the limit after them, as many again are measured. */
const rounds = 4;
/** The 99th percentile from publishing to stored with the bridge, as a multiple of that without one. */
const limit = 1.1;
jest.setTimeout(360_000);

// With files on the disk, where there is one: what is written for a bridge is in the way of what is written for its owner.
const folder = mkdtempSync(path.join(tmpdir(), 'bridge-isolation-'));
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

test('T10 with every relay hostile nothing is lost, and the 99th percentile is at most 1.10 times that without a bridge', async () => {
  const relays = await startHostileRelays();
  const next = linesOf(start('bridge-isolation/main.ts', folder, 'hostile', relays, `${rounds}`, `${limit}`));
  const { outcome, times, bridge, seen } = JSON.parse(await next());
  const { published } = outcome;
  expect(outcome).toEqual({ published, stored: published, repeated: 0, gaps: 0, chainsAgree: true });
  // The bridge was there and at work, and its relays were at it.
  expect(bridge).toEqual({ starts: times.rounds, ended_here: 0 });
  expect(seen.mirrored).toBeGreaterThan(100 * rounds);
  expect(seen.losses).toBeGreaterThan(10 * rounds);
  expect(times.events).toBeGreaterThanOrEqual(rounds * 9_000);
  expect(times.p99).toBeLessThanOrEqual(limit);
  recordGateFacts({ events: published });
});
