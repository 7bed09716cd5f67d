import os from 'node:os';

/** What a figure was measured on. */
export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly cores: number;
  readonly cpu: string;
  /** Of the last minute: what else the machine did. */
  readonly load_before: number;
  readonly load_after: number;
}

/** Call at the beginning; call the result at the end. */
export function observeMachine(): () => Machine {
  const load_before = load();
  return () => ({
    date: new Date().toISOString(),
    node: process.version,
    cores: os.availableParallelism(),
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    load_before,
    load_after: load(),
  });
}

function load(): number {
  return Number((os.loadavg()[0] ?? Number.NaN).toFixed(1));
}
