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
import { printReport } from './src/measure/report.ts';
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
const needed = ['cpu_us', 'wall_us', 'events_per_second', 'of_same_table', 'of_sequence_only'] as const;
printReport({ bench: 'wire-to-disk', settings: { events, rounds }, machine: machine(), figures }, needed, {
  json: values.json,
  table: (measured) =>
    `Microseconds per event; rate as a share of that of the bare inserts, by processor time and by the clock.
${tableOf(
  ['', 'cpu', 'wall', 'events/s', 'same table', 'by clock', 'sequence only', 'by clock'],
  measured.map((figure) => [
    `batches of ${figure.batch}: ${figure.name}`,
    short(figure.cpu_us),
    short(figure.wall_us),
    `${figure.events_per_second}`,
    short(figure.of_same_table),
    short(figure.of_same_table_by_clock),
    short(figure.of_sequence_only),
    short(figure.of_sequence_only_by_clock),
  ]),
)}`,
});
