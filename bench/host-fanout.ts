// One transaction of one row to 1,000 subscribers of the embedded host, each with a connection of its own: all with the
// same query, each with another one, and a larger row that is compressed. Against it, in turns in the same run: a bare ws
// server that sends as many bytes to as many clients, not compressed. The processor time is the server's.
// node --expose-gc --conditions=@autopilot/source bench/host-fanout.ts [subscribers] [transactions] [rounds] [--json]
import { measureFanout } from './src/embedded/measure-fanout.ts';
import { observeMachine } from './src/measure/machine.ts';
import { printFigures } from './src/measure/print-figures.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const subscribers = wholeNumber(positionals[0], 1_000, 'subscribers');
const transactions = wholeNumber(positionals[1], 20, 'transactions');
const rounds = wholeNumber(positionals[2], 5, 'rounds');

const machine = observeMachine();
const figures = await measureFanout({ subscribers, transactions, rounds });
printFigures(
  { bench: 'host-fanout', transactions, rounds, machine: machine(), figures },
  {
    json,
    note: 'Milliseconds until the last one has it; microseconds of processor time of the server for each.',
    head: ['', 'subscribers', 'wall ms', 'cpu us', 'cpu / bare', 'wall / bare'],
    cells: (figure) => [
      figure.name,
      `${figure.subscribers}`,
      figure.wall_ms,
      figure.cpu_us,
      figure.of_bare_cpu,
      figure.of_bare_wall,
    ],
  },
);
