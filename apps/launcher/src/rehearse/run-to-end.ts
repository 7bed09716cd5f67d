import { spawn } from 'node:child_process';

/** A program that is run to its end. */
export interface RunToEnd {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Receives every line that is not empty, of both outputs. */
  readonly line: (text: string) => void;
  readonly signal: AbortSignal;
  /** It has so long to end when it is asked to, milliseconds. */
  readonly graceMs?: number;
}

/**
 * Runs a program until it and everything that holds its outputs has ended; how it ends is not looked at. When `signal`
 * aborts, the program is ended with what it has started in turn.
 *
 * @throws the reason of `signal`, when nothing of it runs any more; what the system says when it cannot be started.
 */
export async function runToEnd({ command, args, cwd, line, signal, graceMs = 10_000 }: RunToEnd): Promise<void> {
  signal.throwIfAborted();
  // A process group of its own: it is ended as a whole.
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const show = (data: Buffer) => {
    for (const text of String(data).split('\n')) if (text.trim() !== '') line(text);
  };
  child.stdout.on('data', show);
  child.stderr.on('data', show);
  const end = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The group is gone already.
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const abort = () => {
    end('SIGTERM');
    timer = setTimeout(() => end('SIGKILL'), graceMs);
  };
  signal.addEventListener('abort', abort);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
  } finally {
    signal.removeEventListener('abort', abort);
    clearTimeout(timer);
  }
  signal.throwIfAborted();
}
