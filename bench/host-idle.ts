// Memory of the embedded host for one connection that does nothing: without a subscription, with the same one for all, and
// with another one each. Against it, in turns in the same run: a bare ws server with as many connections.
// node --conditions=@autopilot/source bench/host-idle.ts [connections] [rounds] [--json]
import { measureIdle } from './src/embedded/measure-idle.ts';
import { observeMachine } from './src/measure/machine.ts';
import { printFigures } from './src/measure/print-figures.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, json } = readArguments();
const connections = wholeNumber(positionals[0], 2_000, 'connections');
const rounds = wholeNumber(positionals[1], 3, 'rounds');

const machine = observeMachine();
const figures = await measureIdle({ connections, rounds });
printFigures(
  { bench: 'host-idle', rounds, machine: machine(), figures },
  {
    json,
    note: 'Bytes for one connection; how many times as much as the bare server.',
    head: ['', 'connections', 'RSS', 'heap and buffers', 'RSS / bare', 'heap / bare'],
    cells: (figure) => [
      figure.name,
      `${figure.connections}`,
      figure.rss_bytes,
      figure.heap_bytes,
      figure.of_bare_rss,
      figure.of_bare_heap,
    ],
  },
);
