// One transaction of one row to 1,000 subscribers of the embedded host, each with a connection of its own: all with the
// same query, each with another one, and a larger row that is compressed. Against it, in turns in the same run: a bare ws
// server that sends as many bytes to as many clients, not compressed. The processor time is the server's.
// node --expose-gc --conditions=@autopilot/source bench/host-fanout.ts [subscribers] [transactions] [rounds] [--json]
import { parseArgs } from 'node:util';
import { measureFanout } from './src/embedded/measure-fanout.ts';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const subscribers = wholeNumber(positionals[0], 1_000, 'subscribers');
const transactions = wholeNumber(positionals[1], 20, 'transactions');
const rounds = wholeNumber(positionals[2], 5, 'rounds');

const machine = observeMachine();
const figures = await measureFanout({ subscribers, transactions, rounds });
if (values.json) {
  console.log(JSON.stringify({ bench: 'host-fanout', transactions, rounds, machine: machine(), figures }));
} else {
  console.log(JSON.stringify(machine()));
  console.log('Milliseconds until the last one has it; microseconds of processor time of the server for each.');
  const rows = figures.map((figure) => [
    figure.name,
    `${figure.subscribers}`,
    ...[figure.wall_ms, figure.cpu_us, figure.of_bare_cpu, figure.of_bare_wall].map((value) =>
      short(value ?? Number.NaN),
    ),
  ]);
  console.log(tableOf(['', 'subscribers', 'wall ms', 'cpu us', 'cpu / bare', 'wall / bare'], rows));
}
