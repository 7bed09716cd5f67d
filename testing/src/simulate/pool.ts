import { Worker } from 'node:worker_threads';
import type { Disk } from './disk.ts';
import { runSeeds } from './run-seeds.ts';
import { addSummary, emptySummary, type Summary } from './summary.ts';

/** Seeds that one thread runs before it says how it went. */
export interface Batch {
  readonly from: number;
  readonly count: number;
}

const batchSize = 50;

/** Runs `count` seeds from `from` on, in this thread or in so many others, on `disk`. `done` hears of every batch. */
export async function runPool(
  from: number,
  count: number,
  workers: number,
  disk: Disk,
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
  await (workers === 1
    ? runHere(take, add, disk)
    : Promise.all(Array.from({ length: workers }, () => runThread(take, add, disk))));
  // Threads finish in any order.
  summary.failures.sort((one, other) => one.seed - other.seed);
  return summary;
}

type Take = () => Batch | undefined;

async function runHere(take: Take, add: (part: Summary) => void, disk: Disk): Promise<void> {
  for (let batch = take(); batch !== undefined; batch = take()) add(await runSeeds(batch.from, batch.count, disk));
}

function runThread(take: Take, add: (part: Summary) => void, disk: Disk): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: disk.root });
  worker.on('message', (message: Summary | 'ready') => {
    if (message !== 'ready') add(message);
    worker.postMessage(take() ?? 'end');
  });
  worker.on('error', reject);
  worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`A thread ended with ${code}.`))));
  return promise;
}
