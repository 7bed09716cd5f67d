// From the bytes of a websocket frame to applied in memory: the session (with and without the apply engine) against the
// official client's DbConnection, in one process, in turns. Both are handed the same frames by a transport of this
// process, after the socket and before the compression tag: no network, no inflating.
// node --expose-gc --conditions=@autopilot/source bench/wire-to-memory.ts [rows,...] [rounds] [--shape NAME]
//   [--rows-a-turn N] [--json]
import { parseArgs } from 'node:util';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { shapes } from './src/wire/in-memory-cases.ts';
import { type InMemoryFigure, measureInMemory } from './src/wire/measure-in-memory.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: 'string', multiple: true },
    'rows-a-turn': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const sizes = (positionals[0] ?? '1000,100000').split(',').map((text) => wholeNumber(text, 0, 'rows'));
const rounds = wholeNumber(positionals[1], 5, 'rounds');
const rowsATurn = wholeNumber(values['rows-a-turn'], 200_000, 'rows a turn');
const wanted = shapes.filter((shape) => values.shape === undefined || values.shape.includes(shape));

const machine = observeMachine();
const figures: InMemoryFigure[] = [];
for (const shape of wanted) {
  for (const rows of sizes) figures.push(...(await measureInMemory(shape, { rows, rounds, rowsATurn })));
}
const officials = ['official, event table', 'official, primary key', 'official, no key'];
printReport({ bench: 'wire-to-memory', settings: { rounds }, machine: machine(), figures }, ['cpu_us', 'wall_us'], {
  json: values.json,
  table: (measured) => {
    const rows = measured.map((figure) => [
      `${figure.shape}: ${figure.name}`,
      `${figure.rows}`,
      short(figure.cpu_us),
      short(figure.wall_us),
      ...officials.map((name) => short(figure.official_takes[name])),
      ...officials.map((name) => short(figure.official_takes_by_clock[name])),
    ]);
    const head = [
      '',
      'rows',
      'cpu',
      'wall',
      'event table',
      'primary key',
      'no key',
      'by clock',
      'by clock',
      'by clock',
    ];
    return `Microseconds per row; how many times as much the official client takes, in processor time and by the clock.
${tableOf(head, rows)}`;
  },
});
