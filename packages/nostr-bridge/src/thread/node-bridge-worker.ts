import { Worker } from 'node:worker_threads';
import type { SpawnBridge } from './bridge-thread.ts';
import type { FromBridge } from './messages.ts';

/** A thread of Node that serves a bridge. */
export interface NodeBridgeOptions {
  /** A module that calls `serveBridge` with `nodeOwnerPort`. */
  readonly script: URL;
  /** What it gets as `workerData`: plain data. */
  readonly data?: unknown;
  /** What its heap may take, in MiB; beyond it the thread dies. */
  readonly heapMegabytes?: number;
  /** Options of Node for it; those of the process by default. */
  readonly execArgv?: string[];
}

const yieldAtStart = new URL(`./yield-at-start${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  .href;

/** Spawns threads of Node with a bounded heap. They do not keep the process alive. */
export function nodeBridgeWorker({
  script,
  data,
  heapMegabytes = 128,
  execArgv = process.execArgv,
}: NodeBridgeOptions): SpawnBridge {
  return ({ said, ended }) => {
    const worker = new Worker(script, {
      workerData: data,
      execArgv: [...execArgv, '--import', yieldAtStart],
      // What it writes is read by nobody here: a bridge has no console of its own.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 16 },
    });
    worker.unref();
    worker.stdout.resume();
    worker.stderr.resume();
    let reason = '';
    worker.on('message', (message: FromBridge) => said(message));
    worker.on('error', (error: Error) => {
      reason = error.message;
    });
    worker.on('exit', (code) => ended(reason === '' ? `The thread ended with ${code}.` : reason));
    return {
      send: (message) => worker.postMessage(message),
      terminate: async () => {
        await worker.terminate();
      },
    };
  };
}
