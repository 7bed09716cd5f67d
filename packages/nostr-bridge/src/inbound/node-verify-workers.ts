import { Worker } from 'node:worker_threads';
import type { SpawnVerifyWorker } from './worker-verifier.ts';

/** Runs from the sources and from what is built of them. */
const script = new URL(`./verify-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** Threads of Node, each with a bounded heap. They do not keep the process alive. */
export const nodeVerifyWorkers: SpawnVerifyWorker = ({ answered, ended }) => {
  const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: 64 } });
  worker.unref();
  worker.on('message', answered);
  // Always followed by `exit`; without a listener it would end the process.
  worker.on('error', () => {});
  worker.on('exit', ended);
  return {
    send: (batch) => worker.postMessage(batch),
    terminate: async () => {
      await worker.terminate();
    },
  };
};
