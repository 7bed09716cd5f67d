import { type ChildProcess, fork } from 'node:child_process';

/** What a child answers to one question. */
type Answer = { readonly ok: unknown } | { readonly failed: string };

/** A program in a process of its own that answers questions in their order. */
export interface Child<Question> {
  readonly pid: number;
  ask(question: Question): Promise<unknown>;
  /** Asks the last question and waits for the end of the process. */
  end(question: Question): Promise<void>;
}

/** @param nodeOptions Besides those that every program here needs. */
export function startChild<Question extends object>(
  file: string,
  nodeOptions: readonly string[] = [],
): Child<Question> {
  const child = fork(file, {
    execArgv: ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', ...nodeOptions],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ask = questions(child);
  return {
    pid: child.pid ?? 0,
    ask,
    end: async (question) => {
      await ask(question);
      child.disconnect();
      process.off('exit', kill);
      await ended;
    },
  };
}

/** In the child: answers every question, one after the other, until the parent is gone. */
export function answerParent<Question>(answer: (question: Question) => unknown): void {
  let last: Promise<void> = Promise.resolve();
  process.on('message', (question: Question) => {
    last = last.then(async () => {
      process.send?.(await answered(() => answer(question)));
    });
  });
  process.on('disconnect', () => process.exit(0));
}

async function answered(run: () => unknown): Promise<Answer> {
  try {
    return { ok: (await run()) ?? null };
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function questions(child: ChildProcess): (question: object) => Promise<unknown> {
  const waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  child.on('message', (answer: Answer) => {
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
