// A table of 1,000,000 rows of 200 bytes of text as the snapshot of one subscription to the embedded host, with the memory
// that it takes beyond the rows. Against it, in turns in the same run: a bare ws server that sends as many bytes in one
// message, and a bare better-sqlite3 insert of as many rows, 10,000 a commit. The processor time is the server's.
// node --expose-gc --max-old-space-size=8192 --conditions=@autopilot/source bench/host-snapshot.ts [rows] [rounds] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { measureSnapshot } from './src/embedded/measure-snapshot.ts';
import { observeMachine } from './src/measure/machine.ts';
import { printFigures } from './src/measure/print-figures.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const rows = wholeNumber(positionals[0], 1_000_000, 'rows');
const rounds = wholeNumber(positionals[1], 3, 'rounds');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-snapshot-'));
try {
  const figures = await measureSnapshot(folder, { rows, rounds });
  printFigures(
    { bench: 'host-snapshot', rounds, machine: machine(), figures },
    {
      json,
      note: 'Microseconds of processor time of the server for a row; megabytes; how many times as much as the peer.',
      head: ['', 'rows/s', 'cpu us', 'payload MB', 'peak MB', 'cpu / bare', 'wall / bare', 'cpu / insert'],
      cells: (figure) => [
        figure.name,
        figure.rows_per_second,
        figure.cpu_us,
        figure.payload_mb,
        figure.peak_mb,
        figure.of_bare_cpu,
        figure.of_bare_wall,
        figure.of_insert_cpu,
      ],
    },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
