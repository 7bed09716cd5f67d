// A thread of `pnpm simulate --workers N`: runs the seeds it is given, and asks for more by its answer.
import { parentPort, workerData } from 'node:worker_threads';
import { Disk } from './disk.ts';
import type { Batch } from './pool.ts';
import { runSeeds } from './run-seeds.ts';

if (parentPort === null) throw new Error('worker.ts runs as a thread of the simulation only.');
const port = parentPort;
const disk = await Disk.make(workerData as string);
port.on('message', async (batch: Batch | 'end') => {
  if (batch === 'end') {
    disk.close();
    port.close();
    return;
  }
  port.postMessage(await runSeeds(batch.from, batch.count, disk));
});
port.postMessage('ready');
