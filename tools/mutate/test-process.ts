import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { WorkerAnswer, WorkerOrder } from './worker-messages.ts';

/**
 * What became of a mutant. `timed-out`: its watchdog ended it, or it waited for what never came. `ended`: the process ended
 * otherwise, which counts as a test that failed: it was the mutant's doing.
 */
export type TestOutcome = WorkerAnswer | { readonly outcome: 'timed-out' } | { readonly outcome: 'ended' };

/** Tests that use no processor and do not end wait for something. Milliseconds. */
const longestWait = 120_000;
/** Modules of mutants stay in memory, so a worker is replaced after so many. */
const mutantsPerWorker = 150;

/** A process that runs tests against mutants, and is replaced when one of them does not come to an end. */
export class TestProcess {
  #child: ChildProcess | undefined;
  #given = 0;

  async run(order: WorkerOrder): Promise<TestOutcome> {
    const child = this.#worker();
    return await new Promise<TestOutcome>((resolve) => {
      const settle = (outcome: TestOutcome) => {
        clearTimeout(timer);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        resolve(outcome);
      };
      const timer = setTimeout(() => {
        this.close();
        settle({ outcome: 'timed-out' });
      }, longestWait);
      child.once('exit', (_code, signal) => {
        this.#child = undefined;
        settle({ outcome: signal === 'SIGKILL' ? 'timed-out' : 'ended' });
      });
      child.once('message', (answer) => settle(answer as WorkerAnswer));
      child.send(order);
    });
  }

  close(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  #worker(): ChildProcess {
    if (this.#given % mutantsPerWorker === 0) this.close();
    this.#given += 1;
    this.#child ??= fork(path.join(import.meta.dirname, 'worker.ts'), {
      // A mutant that collects without end ends its own process, and not the machine's others.
      execArgv: [
        '--conditions=@autopilot/source',
        '--disable-warning=ExperimentalWarning',
        '--max-old-space-size=2048',
      ],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    return this.#child;
  }
}
