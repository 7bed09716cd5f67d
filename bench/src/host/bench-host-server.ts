// The process of a host; see host-process.ts.
import { type BenchHost, startBenchHost } from './bench-host.ts';
import type { HostAnswer, HostQuestion } from './host-process.ts';

let host: BenchHost | undefined;
let last: Promise<void> = Promise.resolve();

process.on('message', (question: HostQuestion) => {
  last = last.then(async () => {
    process.send?.(await answer(question));
    if (question.ask === 'stop') process.disconnect();
  });
});
// A parent that is gone asks nothing any more.
process.on('disconnect', () => process.exit(0));

async function answer(question: HostQuestion): Promise<HostAnswer> {
  try {
    return { ok: (await answerTo(question)) ?? null };
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function answerTo(question: HostQuestion): Promise<unknown> {
  if (question.ask === 'start') {
    host = await startBenchHost(question.spec);
    return host.address;
  }
  if (host === undefined) throw new Error('The host was not started.');
  if (question.ask === 'append') return host.append(question.count);
  if (question.ask === 'counts') return host.counts();
  return host.close();
}
