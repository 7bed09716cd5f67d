import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const main = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** A run of the launcher as a person would start it. */
export interface Command {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
}

const running = new Set<ChildProcess>();

/** Ends what a failing test has left running. */
export async function endLaunchers(): Promise<void> {
  for (const child of running) {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
  }
}

export function runLauncher(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Command {
  const child = spawn(
    process.execPath,
    ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', main, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    },
  );
  running.add(child);
  child.once('close', () => running.delete(child));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += String(data);
  });
  child.stderr.on('data', (data) => {
    stderr += String(data);
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => child.kill(name),
  };
}

/** The processes that a process has started and that still run (Linux). */
export function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) throw new Error(`${file} is missing: this test needs Linux.`);
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
