// What a committed transaction of the embedded host costs beside so many standing subscriptions to other rows of the same
// table: by an equality in WHERE, by a visibility rule, by a view of each sender, and by a join whose other side an
// equality names. The processor time is the host's; how many queries a commit has evaluated is counted.
// node --expose-gc --conditions=@autopilot/source bench/host-subscriptions.ts [counts,...] [commits] [rounds] [--json]
import { measureStanding } from './src/embedded/measure-standing.ts';
import { observeMachine } from './src/measure/machine.ts';
import { printFigures } from './src/measure/print-figures.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const counts = (positionals[0] ?? '1,100,1000').split(',').map((text) => wholeNumber(text, 0, 'counts'));
const commits = wholeNumber(positionals[1], 2_000, 'commits');
const rounds = wholeNumber(positionals[2], 5, 'rounds');

const machine = observeMachine();
const figures = await measureStanding({ standing: [0, ...counts], commits, rounds });
printFigures(
  { bench: 'host-subscriptions', commits, rounds, machine: machine(), figures },
  {
    json,
    note: 'Microseconds of processor time of the host for a transaction.',
    head: ['', 'standing', 'cpu us', 'cpu / none', 'evaluations'],
    cells: (figure) => [figure.kind, `${figure.standing}`, figure.cpu_us, figure.of_none_cpu, figure.evaluations],
  },
);
