import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { ByteCounts, HostAddress, HostSpec } from './bench-host.ts';

/** A host in a process of its own. */
export interface HostProcess {
  readonly address: HostAddress;
  readonly pid: number;
  append(count: number): Promise<void>;
  counts(): Promise<ByteCounts>;
  stop(): Promise<void>;
}

/** What is asked of it, and its answers, in the order of the questions. */
export type HostQuestion =
  | { readonly ask: 'start'; readonly spec: HostSpec }
  | { readonly ask: 'append'; readonly count: number }
  | { readonly ask: 'counts' }
  | { readonly ask: 'stop' };
export type HostAnswer = { readonly ok: unknown } | { readonly failed: string };

const nodeOptions = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];

/** @param memoryMegabytes What the host's heap may take. */
export async function startHostProcess(spec: HostSpec, memoryMegabytes = 8_192): Promise<HostProcess> {
  const child = fork(path.join(import.meta.dirname, 'bench-host-server.ts'), {
    execArgv: [...nodeOptions, `--max-old-space-size=${memoryMegabytes}`],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ask = questions(child);
  const address = (await ask({ ask: 'start', spec })) as HostAddress;
  return {
    address,
    pid: child.pid ?? 0,
    append: async (count) => void (await ask({ ask: 'append', count })),
    counts: async () => (await ask({ ask: 'counts' })) as ByteCounts,
    stop: async () => {
      await ask({ ask: 'stop' });
      process.off('exit', kill);
      await ended;
    },
  };
}

function questions(child: ChildProcess): (question: HostQuestion) => Promise<unknown> {
  const waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  child.on('message', (answer: HostAnswer) => {
    const next = waiting.shift();
    if ('ok' in answer) next?.resolve(answer.ok);
    else next?.reject(new Error(`The host failed: ${answer.failed}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`The host ended with ${code}.`));
  });
  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.send(question);
    });
}
