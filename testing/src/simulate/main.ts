// `pnpm simulate`: the client side against a model of the host on simulated time, one run per seed.
import { readFileSync } from 'node:fs';
import { type CliOptions, readOptions, usage } from './cli-options.ts';
import { Disk } from './disk.ts';
import { makePlan } from './make-plan.ts';
import { runPool } from './pool.ts';
import { runPlan } from './run-plan.ts';
import { type SeedFile, writeSeedFile } from './seed-file.ts';
import { shrink } from './shrink.ts';
import { failureText, type Summary, summaryText } from './summary.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
/** Milliseconds between two lines of progress, on a terminal and in a log. */
const progressMs = process.stderr.isTTY ? 500 : 10_000;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  switch (options.run) {
    case 'help':
      say(usage);
      return 0;
    case 'wrong':
      process.stderr.write(`${options.message}\n\n${usage}\n`);
      return 2;
    case 'replay':
      return await withDisk((disk) => replay(options, disk));
    case 'seeds':
      return await withDisk((disk) => runAll(options, disk));
  }
}

async function replay({ seed, file }: Extract<CliOptions, { run: 'replay' }>, disk: Disk): Promise<number> {
  let plan: SeedFile['plan'];
  try {
    plan = file === undefined ? makePlan(seed ?? 0) : (JSON.parse(readFileSync(file, 'utf8')) as SeedFile).plan;
  } catch (error) {
    process.stderr.write(`"${file}" is not a regression file: ${(error as Error).message}\n`);
    return 2;
  }
  const { violation, trace } = await runPlan(plan, { disk, traced: true });
  say(`settings ${JSON.stringify(plan.settings)}`);
  for (const line of trace) say(line);
  say(violation === undefined ? 'no rule was broken' : `broke the rule ${violation.rule}: ${violation.message}`);
  return violation === undefined ? 0 : 1;
}

async function runAll(options: Extract<CliOptions, { run: 'seeds' }>, disk: Disk): Promise<number> {
  const { from, count, workers, json, save } = options;
  const start = performance.now();
  let told = start;
  let failures = 0;
  const summary = await runPool(from, count, workers, disk, (part) => {
    // A long run says at once which seeds to look at.
    for (const { seed, violation } of part.failures.slice(failures))
      tell(`seed ${seed} broke the rule ${violation.rule}`);
    failures = part.failures.length;
    const now = performance.now();
    if (now - told < progressMs || part.seeds === count) return;
    told = now;
    progress(part, count, now - start);
  });
  const wallMs = performance.now() - start;
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  if (json) say(JSON.stringify({ from, wall_ms: Math.round(wallMs), workers, ...summary }));
  else {
    for (const failure of summary.failures) say(failureText(failure));
    say(summaryText(summary, wallMs));
  }
  if (save !== undefined) await saveAll(summary, save, disk);
  return summary.failures.length === 0 ? 0 : 1;
}

function progress({ seeds, failures }: Summary, count: number, wallMs: number): void {
  const rate = Math.round((seeds / wallMs) * 1000);
  const line = `${seeds} of ${count} seeds, ${failures.length} failures, ${rate} seeds a second`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

/** A line of its own, also where progress is shown in one. */
function tell(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
}

async function saveAll(summary: Summary, folder: string, disk: Disk): Promise<void> {
  for (const { seed, violation, plan } of summary.failures) {
    const file: SeedFile = {
      seed,
      found_at: new Date().toISOString().slice(0, 10),
      rule: violation.rule,
      what_was_wrong: violation.message,
      fixed_by: '',
      plan: await shrink(plan, violation, disk),
    };
    process.stderr.write(`${writeSeedFile(file, `${violation.rule}-${seed}`, folder)}\n`);
  }
}

async function withDisk(run: (disk: Disk) => Promise<number>): Promise<number> {
  const disk = await Disk.make();
  // Files in memory stay there when nobody removes them, also when the run is given up.
  process.on('exit', () => disk.close());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  return await run(disk);
}

// Whoever reads only the first lines of a trace has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await main();
