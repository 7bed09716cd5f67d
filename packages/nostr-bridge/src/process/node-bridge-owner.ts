import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Ports } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { ToBridge } from './messages.ts';
import type { FirstMessage } from './node-bridge-process.ts';
import { ProcessorShare } from './processor-share.ts';
import type { OwnerPort } from './serve-bridge.ts';

const watcher = new URL(`./end-with-owner.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

function sleep(milliseconds: number): void {
  Atomics.wait(nothing, 0, 0, milliseconds);
}

/**
 * The owner of a process that `nodeBridgeProcess` started, seen from that process, and what it was given. The process ends
 * with its owner, also when it hangs at that moment, and from its opening on keeps to the share of
 * one processor that it was given.
 *
 * @throws {BridgeError} `invalid_option` in any other process.
 */
export async function nodeBridgeOwner<Data>(ports: Ports): Promise<{ readonly owner: OwnerPort; readonly data: Data }> {
  const send = process.send?.bind(process);
  const ownerPid = Number(process.argv[2]);
  if (send === undefined || !Number.isInteger(ownerPid)) {
    throw new BridgeError('invalid_option', 'A bridge is served in a process that nodeBridgeProcess starts.');
  }
  process.on('disconnect', () => process.exit(0));
  new Worker(watcher, { workerData: { ownerPid } }).unref();

  let heard: ((message: ToBridge) => void) | undefined;
  const early: ToBridge[] = [];
  const { data, share } = await new Promise<FirstMessage>((resolve) => {
    process.once('message', (first) => {
      process.on('message', (message) => {
        if (heard === undefined) early.push(message as ToBridge);
        else heard(message as ToBridge);
      });
      resolve(first as FirstMessage);
    });
  });
  const kept = new ProcessorShare({ ...ports, spentMs, sleep }, share);
  let unsent = 0;
  let isEnding = false;
  const owner: OwnerPort = {
    send(message) {
      unsent += 1;
      send(message, () => {
        unsent -= 1;
        if (isEnding && unsent === 0) process.exit(0);
      });
    },
    listen(listener) {
      // From its opening on: that has to be done whatever it takes.
      kept.start();
      heard = listener;
      for (const message of early.splice(0)) listener(message);
    },
    memory() {
      const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
      return { heap, external };
    },
    exit() {
      // Not before the last word has gone out.
      isEnding = true;
      if (unsent === 0) process.exit(0);
    },
  };
  return { owner, data: data as Data };
}
