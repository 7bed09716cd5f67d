// Runs the tests of a package against one mutant after another, all in this process.
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { configureGlobal } from 'fast-check';
import { takeCases } from './jest-globals.ts';
import type { Watch } from './watchdog.ts';
import type { WorkerAnswer, WorkerOrder } from './worker-messages.ts';

const globals = pathToFileURL(path.join(import.meta.dirname, 'jest-globals.ts')).href;
// The same tests with the same examples for each mutant: whether one survives must not be a matter of luck.
configureGlobal({ seed: 42 });

const watchdog = new Worker(new URL('./watchdog.ts', import.meta.url));
// It must not keep a process going whose parent is gone.
watchdog.unref();
const watch = (mostCpu: Watch) => watchdog.postMessage(mostCpu);
let order: WorkerOrder | undefined;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === '@jest/globals') return { url: globals, shortCircuit: true };
    const found = next(specifier, context);
    const isOwn = order !== undefined && isIn(found.url, order.folder);
    // A number of its own for each mutant: no module is taken from the one before.
    return isOwn ? { ...found, url: `${found.url}?mutant=${order?.id}` } : found;
  },
  load(url, context, next) {
    const isMutant = order?.file !== undefined && url.startsWith('file:') && fileURLToPath(url) === order.file;
    if (!isMutant) return next(url, context);
    return { format: 'module-typescript', source: order?.source ?? '', shortCircuit: true };
  },
});

process.on('message', (next: WorkerOrder) => {
  order = next;
  void answer(next).then((found) => process.send?.(found));
});

async function answer(given: WorkerOrder): Promise<WorkerAnswer> {
  const before = process.cpuUsage();
  watch(given.mostCpu);
  const found = await run(given);
  watch(undefined);
  const { user, system } = process.cpuUsage(before);
  return { id: given.id, cpu: (user + system) / 1_000, ...found };
}

type Found = { ran: number } & ({ outcome: 'survived' } | { outcome: 'killed'; by: string; why: string });

/** Stops at the first test that fails: that is what a mutant has to bring about. */
async function run({ id, tests }: WorkerOrder): Promise<Found> {
  let ran = 0;
  const killed = (by: string, error: unknown): Found => ({ ran, outcome: 'killed', by, why: textOf(error) });
  for (const file of tests) {
    const name = path.basename(file);
    try {
      await import(`${pathToFileURL(file).href}?mutant=${id}`);
    } catch (error) {
      takeCases();
      return killed(`${name} does not load`, error);
    }
    for (const one of takeCases()) {
      ran += 1;
      try {
        await one.run();
      } catch (error) {
        return killed(`${name}: ${one.name}`, error);
      }
    }
  }
  return { ran, outcome: 'survived' };
}

function isIn(url: string, folder: string): boolean {
  return url.startsWith(pathToFileURL(folder + path.sep).href) && !url.includes('/node_modules/');
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
