import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** One process of the run. Its standard error goes to a file, as the log of a service does. */
export interface Part {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface PartSpec {
  readonly name: string;
  readonly entry: string;
  readonly args: readonly string[];
  /** Options of Node beside those that sources need. */
  readonly node?: readonly string[];
  /** Where its log is written. */
  readonly folder: string;
}

const repository = path.join(import.meta.dirname, '..', '..', '..');

/** A file of the repository. */
export const inRepository = (...names: readonly string[]) => path.join(repository, ...names);

const sources = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];

/** Starts a process of the repository and waits for its line `{"ready": ..., "url": ...}`. */
export async function startPart(spec: PartSpec): Promise<Part> {
  const logFile = path.join(spec.folder, `${spec.name}.log`);
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, [...sources, ...(spec.node ?? []), spec.entry, ...spec.args], {
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  return { url: await urlOf(child, ended, spec.name, logFile), pid: child.pid ?? 0, stop: () => stop(child, ended) };
}

/** What a process prints and then ends. */
export async function outputOf(entry: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [...sources, entry, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8').trim();
}

async function urlOf(child: ChildProcess, ended: Promise<void>, name: string, logFile: string): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error(`${name} has no output.`);
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith('{"ready"')) resolve((JSON.parse(line) as { url: string }).url);
    });
  });
  const gone = ended.then(() => {
    throw new Error(`${name} ended before it was ready: ${readFileSync(logFile, 'utf8').slice(-2_000)}`);
  });
  return await Promise.race([ready, gone]);
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await ended;
}
