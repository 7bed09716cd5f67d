// From the bytes of a websocket frame to a committed checkpoint (decoded, merged, verified, chained, one transaction a
// batch) against a bare prepared insert of better-sqlite3 of the same rows in transactions of the same size, in one
// process, on one disk, in turns. WAL and synchronous = NORMAL for all.
// node --expose-gc --conditions=@autopilot/source bench/wire-to-disk.ts [events] [batch,...] [rounds] [--folder DIR] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type DiskFigure, measureToDisk } from './src/disk/measure-to-disk.ts';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { folder: { type: 'string' }, json: { type: 'boolean', default: false } },
});
const events = wholeNumber(positionals[0], 100_000, 'events');
const sizes = (positionals[1] ?? '100,1000').split(',').map((text) => wholeNumber(text, 0, 'batch'));
const rounds = wholeNumber(positionals[2], 7, 'rounds');

const machine = observeMachine();
const folder = mkdtempSync(path.join(values.folder ?? os.tmpdir(), 'bench-wire-to-disk-'));
const figures: DiskFigure[] = [];
try {
  for (const batch of sizes) figures.push(...(await measureToDisk(folder, { events, batch, rounds })));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.json) {
  console.log(JSON.stringify({ bench: 'wire-to-disk', events, rounds, machine: machine(), figures }));
} else {
  const cell = (value: number | null) => short(value ?? Number.NaN);
  console.log(JSON.stringify(machine()));
  console.log(
    'Microseconds per event; rate as a share of that of the bare inserts, by processor time and by the clock.',
  );
  console.log(
    tableOf(
      ['', 'cpu', 'wall', 'events/s', 'same table', 'by clock', 'sequence only', 'by clock'],
      figures.map((figure) => [
        `batches of ${figure.batch}: ${figure.name}`,
        cell(figure.cpu_us),
        cell(figure.wall_us),
        `${figure.events_per_second}`,
        cell(figure.of_same_table),
        cell(figure.of_same_table_by_clock),
        cell(figure.of_sequence_only),
        cell(figure.of_sequence_only_by_clock),
      ]),
    ),
  );
}
