// Reducer calls of one client to the embedded host, one at a time and 40 under way: a reducer that does nothing, and one
// that inserts a row of 200 bytes, in memory and with the log. Against them, in turns in the same run: a message of the
// same size to a bare ws server and back, and a bare better-sqlite3 insert of the same row with its own commit.
// Every server is a process of its own; the processor time is the server's.
// node --expose-gc --conditions=@autopilot/source bench/host-calls.ts [calls] [rounds] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { measureCalls } from './src/embedded/measure-calls.ts';
import { observeMachine } from './src/measure/machine.ts';
import { printFigures } from './src/measure/print-figures.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const calls = wholeNumber(positionals[0], 10_000, 'calls');
const rounds = wholeNumber(positionals[1], 5, 'rounds');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-calls-'));
try {
  const figures = await measureCalls(folder, { calls, rounds, windows: [1, 40] });
  printFigures(
    { bench: 'host-calls', calls, rounds, machine: machine(), figures },
    {
      json,
      note: 'Microseconds of processor time of the server; how many times as much as the peer.',
      head: ['', 'calls/s', 'cpu', 'cpu / echo', 'wall / echo', 'cpu / insert'],
      cells: (figure) => [
        `${figure.window} under way: ${figure.name}`,
        figure.calls_per_second,
        figure.cpu_us,
        figure.of_echo_cpu,
        figure.of_echo_wall,
        figure.of_insert_cpu,
      ],
    },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
