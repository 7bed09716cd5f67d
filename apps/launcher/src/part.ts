import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { LaunchError } from './errors.ts';

/** One process of the lane. */
export interface PartSpec {
  readonly name: string;
  /** TypeScript or JavaScript file to run. */
  readonly entry: string;
  readonly args: readonly string[];
  /** The launcher's own environment unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The JSON line that a part prints when it can serve. */
export type ReadyLine = Readonly<Record<string, unknown>> & { readonly url: string };

/** A running part. */
export interface Part {
  readonly name: string;
  readonly ready: ReadyLine;
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Asks it to end, and kills it when it does not within the grace. */
  stop(): Promise<void>;
  kill(): void;
}

export interface PartOptions {
  /** Receives every line the part writes to standard error. */
  readonly log: (line: string) => void;
  readonly readyWithinMs: number;
  readonly graceMs: number;
}

const preload = path.join(import.meta.dirname, 'end-with-parent.mjs');

/** Node's own options for every part: sources run as they are, and a part never outlives the launcher. */
export const nodeOptions = [
  '--conditions=@autopilot/source',
  '--disable-warning=ExperimentalWarning',
  '--enable-source-maps',
  `--import=${preload}`,
];

/**
 * Starts a part and waits for its ready line.
 *
 * @throws {LaunchError} `part_failed` when it ends before, or is not ready in time.
 */
export async function startPart(spec: PartSpec, options: PartOptions): Promise<Part> {
  const child = spawn(process.execPath, [...nodeOptions, spec.entry, ...spec.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...(spec.env ?? process.env) },
    // Its own process group: a terminal's Ctrl-C must reach the launcher only, which stops the parts in order.
    detached: true,
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const lines = createInterface({ input: child.stderr });
  const tail: string[] = [];
  lines.on('line', (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    options.log(line);
  });
  try {
    const ready = await readyLine(spec, child, ended, options.readyWithinMs, tail);
    return {
      name: spec.name,
      ready,
      pid: child.pid ?? 0,
      ended,
      stop: () => stop(child, ended, options.graceMs),
      kill: () => child.kill('SIGKILL'),
    };
  } catch (error) {
    await stop(child, ended, options.graceMs);
    throw error;
  }
}

async function readyLine(
  spec: PartSpec,
  child: ChildProcess,
  ended: Part['ended'],
  withinMs: number,
  tail: readonly string[],
): Promise<ReadyLine> {
  return await new Promise<ReadyLine>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new LaunchError('part_failed', `${spec.name} was not ready after ${withinMs / 1000} s.`));
    }, withinMs);
    const output = child.stdout === null ? undefined : createInterface({ input: child.stdout });
    output?.on('line', (line) => {
      const ready = parseReady(line);
      if (ready === undefined) return;
      clearTimeout(timer);
      resolve(ready);
    });
    void ended.then(({ code, signal }) => {
      clearTimeout(timer);
      const how = signal === null ? `code ${code}` : signal;
      const why = tail.at(-1) ?? 'it printed nothing';
      reject(
        new LaunchError('part_failed', `${spec.name} ended with ${how}: ${why}`, {
          details: { part: spec.name, code },
        }),
      );
    });
  });
}

function parseReady(line: string): ReadyLine | undefined {
  if (!line.startsWith('{"ready"')) return undefined;
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    return typeof value.url === 'string' ? { ...value, url: value.url } : undefined;
  } catch {
    return undefined;
  }
}

async function stop(child: ChildProcess, ended: Part['ended'], graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
}
