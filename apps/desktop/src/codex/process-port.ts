import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

/** What a child process reports. After `ended` nothing more is reported. */
export interface ChildHandlers {
  /** One line of standard output, without its end. */
  line(text: string): void;
  /** The process is gone and its output read to the end, or it could not be started. */
  ended(reason: string): void;
}

/** A running child process that speaks lines. */
export interface Child {
  write(line: string): void;
  /** Closes its standard input: the polite way to end it. */
  closeInput(): void;
  kill(): void;
}

/** What to start. */
export interface ChildRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts child processes. */
export type SpawnChild = (request: ChildRequest, handlers: ChildHandlers) => Child;

/** Child processes of the operating system. */
export const spawnSystemChild: SpawnChild = (request, handlers) => {
  const child = spawn(request.command, request.args, { cwd: request.cwd, env: request.env, stdio: 'pipe' });
  let ended = false;
  let lastStderr = '';
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    handlers.ended(reason);
  };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastStderr = (lastStderr + text).slice(-1000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!ended) handlers.line(line);
  });
  child.on('error', (error) => end(error.message));
  child.on('close', (code, signal) => {
    // What it wrote last need not be why it ended.
    const last = stripVTControlCharacters(lastStderr).trim().slice(-300);
    const said = last === '' ? '' : `; it last wrote: ${last}`;
    end(`${code === null ? `signal ${signal}` : `exit code ${code}`}${said}`);
  });
  // A write to a process that has just ended is no news: `close` tells it.
  child.stdin.on('error', () => {});
  return {
    write: (line) => child.stdin.write(`${line}\n`),
    closeInput: () => child.stdin.end(),
    kill: () => child.kill('SIGKILL'),
  };
};
