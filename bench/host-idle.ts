// Memory of the embedded host for one connection that does nothing: without a subscription, with the same one for all, and
// with another one each. Against it, in turns in the same run: a bare ws server with as many connections.
// node --conditions=@autopilot/source bench/host-idle.ts [connections] [rounds] [--json]
import { parseArgs } from 'node:util';
import { measureIdle } from './src/embedded/measure-idle.ts';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const connections = wholeNumber(positionals[0], 2_000, 'connections');
const rounds = wholeNumber(positionals[1], 3, 'rounds');

const machine = observeMachine();
const figures = await measureIdle({ connections, rounds });
if (values.json) console.log(JSON.stringify({ bench: 'host-idle', rounds, machine: machine(), figures }));
else {
  console.log(JSON.stringify(machine()));
  console.log('Bytes for one connection; how many times as much as the bare server.');
  const rows = figures.map((figure) => [
    figure.name,
    `${figure.connections}`,
    ...[figure.rss_bytes, figure.heap_bytes, figure.of_bare_rss, figure.of_bare_heap].map((value) =>
      short(value ?? Number.NaN),
    ),
  ]);
  console.log(tableOf(['', 'connections', 'RSS', 'heap and buffers', 'RSS / bare', 'heap / bare'], rows));
}
