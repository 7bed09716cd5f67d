// From the bytes of a websocket frame to applied in memory: the session (with and without the apply engine) against the
// official client's DbConnection, in one process, in turns. Both are handed the same frames by a transport of this
// process, after the socket and before the compression tag: no network, no inflating.
// node --expose-gc --conditions=@autopilot/source bench/wire-to-memory.ts [rows,...] [rounds] [--shape NAME] [--json]
import { parseArgs } from 'node:util';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { shapes } from './src/wire/in-memory-cases.ts';
import { type InMemoryFigure, measureInMemory } from './src/wire/measure-in-memory.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { shape: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } },
});
const sizes = (positionals[0] ?? '1000,100000').split(',').map((text) => wholeNumber(text, 0, 'rows'));
const rounds = wholeNumber(positionals[1], 5, 'rounds');
const wanted = shapes.filter((shape) => values.shape === undefined || values.shape.includes(shape));

const machine = observeMachine();
const figures: InMemoryFigure[] = [];
for (const shape of wanted) for (const rows of sizes) figures.push(...(await measureInMemory(shape, rows, rounds)));
if (values.json) {
  console.log(JSON.stringify({ bench: 'wire-to-memory', rounds, machine: machine(), figures }));
} else {
  const ratio = (figure: InMemoryFigure, name: string) => short(figure.official_takes[name] ?? Number.NaN);
  const officials = ['official, event table', 'official, primary key', 'official, no key'];
  const rows = figures.map((figure) => [
    `${figure.shape}: ${figure.name}`,
    `${figure.rows}`,
    short(figure.cpu_us ?? Number.NaN),
    short(figure.wall_us ?? Number.NaN),
    ...officials.map((name) => ratio(figure, name)),
  ]);
  console.log(JSON.stringify(machine()));
  console.log('Microseconds per row; how many times as much processor time the official client takes.');
  console.log(tableOf(['', 'rows', 'cpu', 'wall', 'event table', 'primary key', 'no key'], rows));
}
