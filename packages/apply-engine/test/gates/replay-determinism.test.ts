// The gate: the same log gives the same chain and the same count, however often the reader reconnects or starts again.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { recordGateFacts } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import { chance, length, Reader, shuffled, theLog, trueChain } from './support.ts';

/** Reads on from the watermark until the end, with a break of some kind after each batch. */
function readThrough(seed: number, breakAfterBatch: (reader: Reader) => void): Reader {
  const pick = chance(seed);
  const reader = new Reader();
  while (reader.state.seq < BigInt(length)) {
    // A connection begins a little before the watermark and is cut somewhere.
    const from = Math.max(0, Number(reader.state.seq) - pick(20));
    reader.take(theLog.slice(from, from + 1 + pick(150)));
    breakAfterBatch(reader);
  }
  return reader;
}

function expectTheLog(reader: Reader): void {
  expect(reader.applied.map(({ seq }) => Number(seq))).toEqual(theLog.map(({ seq }) => Number(seq)));
  expect(reader.state).toMatchObject({ seq: BigInt(length), chain: trueChain });
  expect(reader.conflicts).toBe(0);
}

test.each([1, 2, 3])('a connection that is cut again and again ends at the same chain (seed %d)', (seed) => {
  const reader = readThrough(seed, () => {});
  expectTheLog(reader);
  expect(reader.delivered).toBeGreaterThan(length);
  recordGateFacts({ events: reader.delivered });
});

test.each([4, 5, 6])('a reader that starts again from what it committed ends at the same chain (seed %d)', (seed) => {
  let restarts = 0;
  const reader = readThrough(seed, (dying) => {
    restarts += 1;
    dying.restart();
  });
  expectTheLog(reader);
  expect(restarts).toBeGreaterThan(10);
  recordGateFacts({ events: reader.delivered });
});

test.each([7, 8])(
  'a lane out of order, with restarts that lose what was held back, ends at the same chain (seed %d)',
  (seed) => {
    const pick = chance(seed);
    const reader = new Reader();
    let gaps = 0;
    for (let turns = 0; reader.state.seq < BigInt(length); turns += 1) {
      expect(turns).toBeLessThan(length);
      const from = Number(reader.state.seq);
      for (let at = from; at < Math.min(length, from + 200); at += 30) {
        const window = shuffled(theLog.slice(at, at + 30), pick);
        for (const part of [window.slice(0, 10), window.slice(10)]) {
          if (reader.take(part) !== undefined) gaps += 1;
          if (pick(12) === 0) reader.restart();
        }
      }
    }
    expectTheLog(reader);
    // Without one the order would not have been disturbed.
    expect(gaps).toBeGreaterThan(0);
    recordGateFacts({ events: reader.delivered });
  },
);

test('a reader that began at a floor ends at the same chain as one that read everything', () => {
  const reader = new Reader();
  reader.startAt(700);
  reader.take(theLog.slice(700));
  expect(reader.state).toMatchObject({ seq: BigInt(length), chain: trueChain });
  expect(reader.applied).toHaveLength(length - 700);
  recordGateFacts({ events: reader.delivered });
});

test('another process that reads the same log comes to the same chain', () => {
  const script = fileURLToPath(new URL('./replay-child.ts', import.meta.url));
  const run = spawnSync(process.execPath, ['--conditions=@autopilot/source', script], { encoding: 'utf8' });
  expect(run).toMatchObject({ status: 0, signal: null });
  expect(JSON.parse(run.stdout)).toEqual({ applied: length, chain: trueChain });
  recordGateFacts({ events: length });
});
