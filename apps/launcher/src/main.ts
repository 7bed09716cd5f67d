import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isCodedError } from '@autopilot/sync-contract';
import { help, parseOptions } from './options.ts';
import { openPartLogs } from './part-logs.ts';
import { runOnce } from './run-once.ts';
import { type RunningLane, startLane } from './start-lane.ts';

const exit = { good: 0, failed: 1, usage: 2 } as const;
const note = (text: string) => process.stderr.write(`${text}\n`);

/** Resolves at the first Ctrl-C or SIGTERM; a second one kills nothing by itself, the parts have their own grace. */
const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve('interrupted'));
});

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(help);
    return exit.good;
  }
  const temporary = options.once && options.dataDir === undefined;
  const dataDir = temporary
    ? mkdtempSync(path.join(tmpdir(), 'autopilot-once-'))
    : path.resolve(options.dataDir ?? '.data');
  // With --once a warning is only worth reading when the run failed.
  const held: string[] = [];
  const hold = (text: string) => {
    if (held.push(text) > 60) held.shift();
  };
  const logs = openPartLogs(path.join(dataDir, 'logs'), options.once ? hold : note);
  let lane: RunningLane | undefined;
  let keep = false;
  try {
    const starting = startLane({ ...options, dataDir, log: logs.add, progress: note });
    const started = await Promise.race([starting, interrupted]);
    if (started === 'interrupted') {
      await starting.then(
        (running) => running.stop(),
        () => {},
      );
      return exit.good;
    }
    lane = started;
    if (options.once) {
      const outcome = await Promise.race([runOnce(lane, options.patienceMs, note), lane.broken, interrupted]);
      if (typeof outcome === 'string') {
        note(outcome === 'interrupted' ? 'Interrupted before the feed was through.' : outcome);
        return exit.failed;
      }
      process.stdout.write(`${JSON.stringify(outcome)}\n`);
      return exit.good;
    }
    announce(lane, dataDir);
    const outcome = await Promise.race([lane.broken, interrupted]);
    if (outcome === 'interrupted') {
      note('Stopping ...');
      return exit.good;
    }
    note(outcome);
    return exit.failed;
  } catch (error) {
    for (const line of held) note(line);
    // A lane that ran and did not verify is evidence; one that never started has left nothing to look at.
    keep = lane !== undefined;
    throw error;
  } finally {
    await lane?.stop();
    await logs.close();
    if (temporary && keep) note(`The data folder is kept: ${dataDir}`);
    else if (temporary) rmSync(dataDir, { recursive: true, force: true });
  }
}

function announce(lane: RunningLane, dataDir: string): void {
  process.stdout.write(
    [
      '',
      `  health page   ${lane.desktopUrl}`,
      `  control       ${lane.controlUrl}`,
      `  spacetimedb   ${lane.spacetimeUrl}`,
      `  data, logs    ${path.relative(process.cwd(), dataDir) || '.'}`,
      '',
      '  Ctrl-C stops everything.',
      '',
    ].join('\n'),
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isCodedError(error)) throw error;
  note(`${(error as Error).message}\n${error.code}: ${error.next}`);
  process.exitCode = error.code === 'usage' ? exit.usage : exit.failed;
}
