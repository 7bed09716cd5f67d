import { Worker } from 'node:worker_threads';
import { Disk } from './disk.ts';
import { runSeeds } from './run-seeds.ts';
import { addSummary, emptySummary, type Summary } from './summary.ts';

/** Seeds that one thread runs before it says how it went. */
export interface Batch {
  readonly from: number;
  readonly count: number;
}

const batchSize = 50;

/** Runs `count` seeds from `from` on, in this thread or in so many others. `done` hears of every batch. */
export async function runPool(
  from: number,
  count: number,
  workers: number,
  done: (summary: Summary) => void,
): Promise<Summary> {
  const summary = emptySummary();
  let next = from;
  const take = (): Batch | undefined => {
    if (next >= from + count) return undefined;
    const batch = { from: next, count: Math.min(batchSize, from + count - next) };
    next += batch.count;
    return batch;
  };
  const add = (part: Summary) => {
    addSummary(summary, part);
    done(summary);
  };
  await (workers === 1 ? runHere(take, add) : Promise.all(Array.from({ length: workers }, () => runThread(take, add))));
  // Threads finish in any order.
  summary.failures.sort((one, other) => one.seed - other.seed);
  return summary;
}

async function runHere(take: () => Batch | undefined, add: (part: Summary) => void): Promise<void> {
  const disk = await Disk.make();
  try {
    for (let batch = take(); batch !== undefined; batch = take()) add(await runSeeds(batch.from, batch.count, disk));
  } finally {
    disk.close();
  }
}

function runThread(take: () => Batch | undefined, add: (part: Summary) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  worker.on('message', (message: Summary | 'ready') => {
    if (message !== 'ready') add(message);
    worker.postMessage(take() ?? 'end');
  });
  worker.on('error', reject);
  worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`A thread ended with ${code}.`))));
  return promise;
}
