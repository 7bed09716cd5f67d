import { getHeapStatistics } from 'node:v8';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { BridgeError } from '../errors.ts';
import type { ToBridge } from './messages.ts';
import type { OwnerPort } from './serve-bridge.ts';
import { yieldToOthers } from './yield-to-others.ts';

/**
 * The owner of a thread of Node, inside of that thread. On Linux the thread takes a lower priority, so that it gets the
 * processor when nobody else wants it.
 *
 * @throws {BridgeError} `invalid_option` outside of a thread.
 */
export function nodeOwnerPort(): OwnerPort {
  const port = parentPort;
  if (port === null) throw new BridgeError('invalid_option', 'A bridge is served in a worker thread.');
  yieldToOthers();
  return {
    send: (message) => port.postMessage(message),
    listen: (heard) => void (port as MessagePort).on('message', (message: ToBridge) => heard(message)),
    memory: () => {
      const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
      return { heap, external };
    },
    exit: () => process.exit(0),
  };
}
