// `pnpm check:cache`: what the caches of many subscribers show under faults, against the server's log. Exits 0 when it
// passed, 1 when something was found, 2 for a mistake on the command line, 3 when too little was seen to say.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { isCodedError } from '@autopilot/sync-contract';
import { help, parseCacheCheckOptions } from './options.ts';
import { positionPlot } from './plot.ts';
import { describeReport } from './report.ts';
import { runCheck } from './run-check.ts';

const exit = { pass: 0, fail: 1, usage: 2, inconclusive: 3 } as const;
const note = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<number> {
  const given = process.argv.slice(2);
  // npm takes the `--` of `npm run check:cache -- --help` away, pnpm hands it on.
  const options = parseCacheCheckOptions(given[0] === '--' ? given.slice(1) : given);
  if (options === 'help') {
    process.stdout.write(help);
    return exit.pass;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      note('interrupted');
      interrupted.abort(new Error('interrupted'));
    });
  }
  const out = resolve(process.env.INIT_CWD ?? '.', options.out);
  mkdirSync(out, { recursive: true });
  const report = await runCheck({ ...options, out }, note, interrupted.signal);
  writeFileSync(join(out, 'report.json'), `${JSON.stringify(report)}\n`);
  writeFileSync(join(out, 'positions.svg'), positionPlot(report));
  const lines = describeReport(report);
  writeFileSync(join(out, 'report.txt'), `${lines.join('\n')}\n`);
  for (const line of lines) note(line);
  note(`report, plot and records: ${relative(process.cwd(), out) || '.'}`);
  if (options.json) {
    const { lines: _lines, marks: _marks, findings, ...rest } = report;
    process.stdout.write(`${JSON.stringify({ ...rest, findings: findings.slice(0, 20), found: findings.length })}\n`);
  }
  return exit[report.verdict];
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isCodedError(error)) throw error;
  note(`${(error as Error).message}\n${error.code}: ${error.next}`);
  process.exitCode = error.code === 'usage' ? exit.usage : exit.inconclusive;
}
