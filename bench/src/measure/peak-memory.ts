import { readFileSync, writeFileSync } from 'node:fs';

/** Bytes of memory that a process has had at most since {@link resetPeakMemory}; NaN where the system does not tell. */
export function peakMemoryOf(pid: number): number {
  return statusOf(pid, 'VmHWM');
}

/** Bytes of memory that a process has now; NaN where the system does not tell. */
export function memoryOf(pid: number): number {
  return statusOf(pid, 'VmRSS');
}

/** Lets the peak begin anew with what the process has now. */
export function resetPeakMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Not Linux, or it may not: the peak is then that of the whole life of the process.
  }
}

function statusOf(pid: number, name: string): number {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line?.[1] ?? Number.NaN) * 1_024;
  } catch {
    return Number.NaN;
  }
}
