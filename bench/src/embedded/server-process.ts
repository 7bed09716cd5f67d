import path from 'node:path';
import { startChild } from '../host/child.ts';

/** What a server process is asked. */
export type ServerQuestion =
  | { readonly ask: 'start'; readonly dataDir?: string }
  /** Processor time so far. */
  | { readonly ask: 'cpu' }
  /** Memory after everything that can be collected was. */
  | { readonly ask: 'memory' }
  /** Query evaluations that commits have cost so far; 0 for a bare server. */
  | { readonly ask: 'evaluations' }
  | { readonly ask: 'stop' };

/** Bytes. */
export interface ServerMemory {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
}

/** A websocket server in a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  /** Where clients connect: of the host the database, of the bare server the server. */
  readonly url: string;
  /** Microseconds of processor time, user and system, collector threads included. */
  cpu(): Promise<number>;
  memory(): Promise<ServerMemory>;
  evaluations(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * `host`: the embedded host with the module of these benchmarks. `bare`: ws alone; see bare-ws-server.ts.
 *
 * @param dataDir Where the host keeps its log; without it, in memory.
 */
export async function startServer(kind: 'host' | 'bare', dataDir?: string): Promise<ServerProcess> {
  const file = kind === 'host' ? 'embedded-host-server.ts' : 'bare-ws-server.ts';
  const options = ['--expose-gc', '--max-old-space-size=8192'];
  const { pid, ask, end } = startChild<ServerQuestion>(path.join(import.meta.dirname, file), options);
  const url = (await ask({ ask: 'start', ...(dataDir === undefined ? {} : { dataDir }) })) as string;
  return {
    pid,
    url,
    cpu: async () => (await ask({ ask: 'cpu' })) as number,
    memory: async () => (await ask({ ask: 'memory' })) as ServerMemory,
    evaluations: async () => (await ask({ ask: 'evaluations' })) as number,
    stop: () => end({ ask: 'stop' }),
  };
}

/** In the process of a server: the answers that do not depend on what it serves. */
export function ownFigures(question: ServerQuestion): unknown {
  if (question.ask === 'cpu') {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}
