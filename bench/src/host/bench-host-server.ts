// The process of a host; see host-process.ts.
import { type BenchHost, startBenchHost } from './bench-host.ts';
import { answerParent } from './child.ts';
import type { HostQuestion } from './host-process.ts';

let host: BenchHost | undefined;

answerParent<HostQuestion>(async (question) => {
  if (question.ask === 'start') {
    host = await startBenchHost(question.spec);
    return host.address;
  }
  if (host === undefined) throw new Error('The host was not started.');
  if (question.ask === 'append') return host.append(question.count);
  if (question.ask === 'counts') return host.counts();
  return host.close();
});
