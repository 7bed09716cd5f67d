// `pnpm cutover rehearse`: the whole cutover on a pair of lanes on this machine. Exits 0 only when every check held,
// 1 when not, 2 for a mistake on the command line.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { isCodedError } from '@autopilot/sync-contract';
import { help, parseRehearseOptions } from './options.ts';
import { rehearse } from './rehearse.ts';
import { describeReport, summaryOf } from './report.ts';
import { reportPage } from './report-page.ts';

const exit = { held: 0, failed: 1, usage: 2 } as const;
const note = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<number> {
  const options = parseRehearseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(help);
    return exit.held;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (!interrupted.signal.aborted) note('interrupted: ending every process that was started');
      interrupted.abort(new Error('interrupted'));
    });
  }
  const report = await rehearse(options, note, interrupted.signal).catch((error: unknown) => {
    if (!interrupted.signal.aborted) throw error;
    note('interrupted: nothing had been started');
    return null;
  });
  if (report === null) return exit.failed;
  const out = path.resolve(options.out);
  writeFileSync(path.join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(path.join(out, 'report.html'), reportPage(report));
  for (const line of describeReport(report)) note(line);
  const place = path.relative(process.cwd(), out) || '.';
  if (report.stopped_by !== 'interrupted') note(`report and evidence: ${place}`);
  else note(`interrupted: every process is ended; what was seen until then is in ${place}`);
  if (options.json) process.stdout.write(`${JSON.stringify(summaryOf(report))}\n`);
  return report.ok ? exit.held : exit.failed;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isCodedError(error)) throw error;
  note(`${(error as Error).message}\n${error.code}: ${error.next}`);
  process.exitCode = error.code === 'usage' ? exit.usage : exit.failed;
}
