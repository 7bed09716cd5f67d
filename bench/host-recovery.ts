// How long the embedded host takes to open what it kept: a log of a row a commit, a log of 1,000 rows a commit, and a
// snapshot, with 200 bytes of text in each row. Against it, in turns in the same run: reading the same files with their
// checksums, and a bare better-sqlite3 insert of as many rows, 1,000 a commit. Every turn has a process of its own.
// node --expose-gc --conditions=@autopilot/source bench/host-recovery.ts [rows] [rounds] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { measureRecovery } from './src/embedded/measure-recovery.ts';
import { observeMachine } from './src/measure/machine.ts';
import { printFigures } from './src/measure/print-figures.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const rows = wholeNumber(positionals[0], 1_000_000, 'rows');
const rounds = wholeNumber(positionals[1], 3, 'rounds');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-recovery-'));
try {
  const figures = await measureRecovery(folder, { rows, rounds });
  printFigures(
    { bench: 'host-recovery', rows, rounds, machine: machine(), figures },
    {
      json,
      note: 'Seconds for a gigabyte (2^30) of files; megabytes; how many times as much as the peer.',
      head: ['', 'MB', 'rows/s', 's/GB', 'cpu s/GB', 'peak MB', 'cpu / read', 'cpu / insert'],
      cells: (figure) => [
        figure.name,
        figure.megabytes,
        figure.rows_per_second,
        figure.seconds_per_gb,
        figure.cpu_seconds_per_gb,
        figure.peak_mb,
        figure.of_read_cpu,
        figure.of_insert_cpu,
      ],
    },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
