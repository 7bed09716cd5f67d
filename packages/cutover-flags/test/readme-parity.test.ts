// The examples of README.md for parity and removal, compiled and run; the last tests compare the texts of both.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createComparator,
  type NoiseVerdict,
  noiseFloor,
  overNoise,
  type ParityWindow,
  parityErrors,
  renderDiff,
} from '@autopilot/cutover-flags/parity';
import { nodeFileTree, removalErrors, scanForLane } from '@autopilot/cutover-flags/removal';
import { draftEvent, type Lane, type StreamPosition, type SyncEvent } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { expect, test } from '@jest/globals';

/** Compares what two lanes bring of some streams. `after` is where both of them read from. */
function compareLanes(left: Lane, right: Lane, streams: readonly string[], after: StreamPosition | null) {
  const comparator = createComparator({ pair: 'khala/spacetime', ports: systemPorts, tolerance_ms: 5_000 });
  for (const [side, lane] of [
    ['left', left],
    ['right', right],
  ] as const) {
    for (const stream of streams) comparator.begin(side, stream, after);
    lane.listen((signal) => {
      if (signal.type === 'batch') for (const event of signal.events) comparator.offer(side, event);
      // Follow again from where the reader stands, and say so: comparator.resume(side, stream, position).
      if (signal.type === 'state' && signal.to === 'backoff') comparator.pause(side);
    });
  }
  return comparator;
}

/** Holds a comparison to the noise that two readers of one lane make by themselves. */
function judge(window: ParityWindow, nullRuns: readonly ParityWindow[]): NoiseVerdict {
  for (const sample of window.samples) process.stdout.write(`${renderDiff(sample)}\n`);
  return overNoise(window, noiseFloor(nullRuns), { sigma: 3, minimum: 50 });
}

/** Whether a checkout still knows the legacy lane. */
async function isGone(folder: string): Promise<boolean> {
  const { verdict, findings } = await scanForLane(nodeFileTree(folder), { clock: systemPorts.clock });
  for (const { file, line, kind, next } of findings) process.stdout.write(`${file}:${line} ${kind}: ${next}\n`);
  return verdict === 'pass';
}

/** A lane that brings what it is told to. */
function laneOf(events: readonly SyncEvent[]): { readonly lane: Lane; readonly play: () => void } {
  let tell: Parameters<Lane['listen']>[0] = () => {};
  const lane = {
    listen(listener: typeof tell) {
      tell = listener;
      return () => {};
    },
  } as Partial<Lane> as Lane;
  const play = () => tell({ type: 'batch', stream_id: 'runtime.example', events, source: 'live', head: 1n });
  return { lane, play };
}

test('the example of parity compares, and has no verdict without a null run', () => {
  const events = Array.from({ length: 60 }, (_, index): SyncEvent => {
    const draft = draftEvent({
      stream_id: 'runtime.example',
      kind: 'note',
      payload: { index },
      idempotency_key: `${index}`,
    });
    return { ...draft, epoch: 'one', seq: BigInt(index + 1), committed_at: 0n };
  });
  const [left, right] = [laneOf(events), laneOf(events)];
  const comparator = compareLanes(left.lane, right.lane, ['runtime.example'], null);
  left.play();
  right.play();
  const window = comparator.takeWindow();
  comparator.close();
  expect(window.counts.match).toBe(60);
  expect(judge(window, []).verdict).toBe('inconclusive');
  expect(judge(window, [{ ...window, pair: 'khala/khala' }]).verdict).toBe('pass');
});

test('the example of removal tells a clean folder from an empty one', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'removal-example-'));
  try {
    expect(await isGone(folder)).toBe(false);
    writeFileSync(path.join(folder, 'README.md'), 'The canonical sync lane is spacetime.\n');
    expect(await isGone(folder)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test.each(['Parity', 'Removal'])('the example of %s is the one of the README', (heading) => {
  const section = readme.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const [, fenced = ''] = /```ts\n([\s\S]*?)```/.exec(section) ?? [];
  const squeezed = (text: string) => text.replaceAll(/,?\s+(?=[\])}])|\s+/g, ' ');
  const source = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
  const blocks = fenced.split('\n\n').filter((block) => !block.startsWith('import'));
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) expect(source).toContain(squeezed(block.trim()));
});

test.each([
  ['Parity errors', parityErrors],
  ['Removal errors', removalErrors],
])('the table of %s is the one of the code', (heading, errors) => {
  expect(tableUnder(readme, heading)).toEqual(
    Object.entries(errors).map(([code, { recovery, next }]) => [code, recovery, next]),
  );
});
