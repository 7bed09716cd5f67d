import path from 'node:path';
import type { ByteCounts, HostAddress, HostSpec } from './bench-host.ts';
import { startChild } from './child.ts';

/** A host in a process of its own. */
export interface HostProcess {
  readonly address: HostAddress;
  readonly pid: number;
  append(count: number): Promise<void>;
  counts(): Promise<ByteCounts>;
  stop(): Promise<void>;
}

/** What is asked of it, in the order of the questions. */
export type HostQuestion =
  | { readonly ask: 'start'; readonly spec: HostSpec }
  | { readonly ask: 'append'; readonly count: number }
  | { readonly ask: 'counts' }
  | { readonly ask: 'stop' };

/** @param memoryMegabytes What the host's heap may take. */
export async function startHostProcess(spec: HostSpec, memoryMegabytes = 8_192): Promise<HostProcess> {
  const file = path.join(import.meta.dirname, 'bench-host-server.ts');
  const { pid, ask, end } = startChild<HostQuestion>(file, [`--max-old-space-size=${memoryMegabytes}`]);
  const address = (await ask({ ask: 'start', spec })) as HostAddress;
  return {
    address,
    pid,
    append: async (count) => void (await ask({ ask: 'append', count })),
    counts: async () => (await ask({ ask: 'counts' })) as ByteCounts,
    stop: () => end({ ask: 'stop' }),
  };
}
