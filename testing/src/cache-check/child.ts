import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CacheCheckError } from './errors.ts';

/** A process of the check. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Whether it has ended, by its own will or not. */
  readonly isOver: boolean;
  /** Writes a line to its standard input. */
  tell(line: string): void;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGSTOP, and waits until it stands. */
  stop(): Promise<void>;
  resume(): void;
  /** The last lines that it wrote to standard error. */
  tail(): string;
}

const nodeOptions = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', '--enable-source-maps'];

/** With a cache for what Node compiles, so that only the first process of a machine translates all of the sources. */
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  NODE_OPTIONS: '',
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'compile'),
};

/** Starts a TypeScript file as a process. `lines` gets what it writes to standard output; `options` are Node's own. */
export function startChild(
  name: string,
  entry: string,
  args: readonly string[],
  lines: (line: string) => void = () => {},
  options: readonly string[] = [],
): Child {
  const child = spawn(process.execPath, [...nodeOptions, ...options, entry, ...args], {
    stdio: 'pipe',
    env: environment,
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  // A process that is gone takes no lines.
  child.stdin.on('error', () => {});
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (out + text).split('\n');
    out = parts.pop() ?? '';
    for (const part of parts) lines(part);
  });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4000);
  });
  const pid = child.pid ?? 0;
  return {
    name,
    pid,
    ended,
    get isOver() {
      return over;
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGSTOP');
      await standing(child, pid);
    },
    resume: () => void child.kill('SIGCONT'),
    tail: () => tail.trim(),
  };
}

/** A signal is sent before it takes effect: asks the system, where there is a /proc to ask. */
async function standing(child: ChildProcess, pid: number): Promise<void> {
  for (let looks = 0; looks < 1000; looks += 1) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const state = stateOf(pid);
    if (state === undefined || state === 'T') return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new CacheCheckError('process_failed', `Process ${pid} did not stand still on SIGSTOP.`);
}

function stateOf(pid: number): string | undefined {
  try {
    // The name in parentheses may hold anything; the state follows the last of them.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.charAt(0);
  } catch {
    return undefined;
  }
}
