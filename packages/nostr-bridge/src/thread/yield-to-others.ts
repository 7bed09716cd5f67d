import { readlinkSync } from 'node:fs';
import os from 'node:os';

/** How much nicer than the rest of its process a thread of the bridge is, as `nice` counts it. */
const niceness = 10;

/**
 * On Linux, gives this thread a lower priority than the rest of its process has: it gets the processor when nobody else
 * wants it. Elsewhere all threads are equal.
 */
export function yieldToOthers(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    // Of 0 would be of the whole process.
    if (thread > 0 && thread !== process.pid) os.setPriority(thread, niceness);
  } catch {
    // Not Linux, or not allowed.
  }
}
