// Whatever happens to a bridge, or its relays do to it, the owner's stream is stored whole, once and in order. A lane from
// end to end runs in a process of its own, with the bridge in a process of it. How late its events are is measured by
// the gate (test/gates).
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { withFolder } from '../support/bridge-file.ts';
import { endAll, linesOf, start, startHostileRelays } from '../support/lane-processes.ts';

// A lane, and for every block of events a bridge, is started.
jest.setTimeout(120_000);

let relays = '';

beforeAll(async () => {
  relays = await startHostileRelays();
});
afterAll(() => endAll());

async function judged(line: Promise<string>) {
  const report = JSON.parse(await line);
  const { published } = report.outcome;
  expect(report.outcome).toEqual({ published, stored: published, repeated: 0, gaps: 0, chainsAgree: true });
  expect(published).toBeGreaterThanOrEqual(300);
  return report;
}

describe('nothing is lost', () => {
  const faults = ['hostile', 'hangs', 'grows beside it', 'dies later', 'dies at its start', 'full'];
  let next: () => Promise<string>;
  let done: () => void = () => {};
  let folderIsGone: Promise<void>;

  beforeAll(() => {
    // All of them beside one lane, one after the other.
    const isDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    folderIsGone = withFolder(async (folder) => {
      next = linesOf(start('bridge-isolation/main.ts', folder, faults.join(), relays));
      await isDone;
    });
  });
  afterAll(async () => {
    done();
    await folderIsGone;
  });

  test.each(faults)('T7 with a bridge that meets: %s', async (fault) => {
    const { seen, bridge } = await judged(next());
    if (fault === 'hostile') {
      // Its relays were at it, and it was at work.
      expect(seen.losses).toBeGreaterThan(0);
      expect(seen.mirrored).toBeGreaterThan(0);
      expect(bridge.ended_here).toBe(0);
    } else if (fault === 'full') expect(seen.failures).toBeGreaterThan(0);
    else expect(bridge.starts).toBeGreaterThanOrEqual(2);
  });
});
