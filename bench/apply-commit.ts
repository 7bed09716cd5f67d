// Decide and commit against a bare insert of the same rows, in turns, in one process, on one disk, with rising and with
// random idempotency keys.
// node --expose-gc --conditions=@autopilot/source bench/apply-commit.ts [events] [batch] [rounds] [--json]
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type DiskFigure, measureDecided } from './src/disk/measure-to-disk.ts';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { keyShapes } from './src/wire/events.ts';

const { positionals, json } = readArguments();
const events = wholeNumber(positionals[0], 50_000, 'events');
const batch = wholeNumber(positionals[1], 100, 'batch');
const rounds = wholeNumber(positionals[2], 5, 'rounds');

const machine = observeMachine();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-apply-commit-'));
const figures: (DiskFigure & { readonly keys: string })[] = [];
try {
  for (const keys of keyShapes) {
    for (const figure of await measureDecided(folder, { events, batch, rounds, keys }))
      figures.push({ ...figure, keys });
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
const needed = ['cpu_us', 'wall_us', 'events_per_second', 'of_same_table', 'of_sequence_only'] as const;
printReport({ bench: 'apply-commit', settings: { events, batch, rounds }, machine: machine(), figures }, needed, {
  json,
  table: (measured) =>
    `Microseconds per event; rate as a share of that of the bare inserts, by processor time.
${tableOf(
  ['', 'cpu', 'wall', 'events/s', 'same table', 'sequence only'],
  measured.map((figure) => [`${figure.keys} keys: ${figure.name}`, ...needed.map((member) => short(figure[member]))]),
)}`,
});
