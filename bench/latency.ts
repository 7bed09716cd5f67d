// From the call that publishes an event to the end of the commit that applies it elsewhere: one session appends, another
// one reads, verifies and commits, over the embedded host in a process of its own and the loopback. Against it, in the
// same run, a message to a bare ws server and back. One event at a time.
// node --conditions=@autopilot/source bench/latency.ts [events per block] [blocks] [--host memory|disk] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { hostKinds, type LatencyFigure, measureLatency } from './src/latency/measure-latency.ts';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { host: { type: 'string' }, json: { type: 'boolean', default: false } },
});
const perBlock = wholeNumber(positionals[0], 500, 'events per block');
const blocks = wholeNumber(positionals[1], 5, 'blocks');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-latency-'));
const figures: LatencyFigure[] = [];
try {
  for (const host of hostKinds) {
    if (values.host === undefined || values.host === host) {
      figures.push(...(await measureLatency(folder, { host, blocks, perBlock })));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const needed = ['p50_ms', 'p99_ms', 'p50_of_echo', 'p99_of_echo'] as const;
printReport({ bench: 'latency', settings: { perBlock, blocks }, machine: machine(), figures }, needed, {
  json: values.json,
  table: (measured) =>
    `Milliseconds; how many times as long as the echo.
${tableOf(
  ['', 'trips', 'p50', 'p99', 'p50 / echo', 'p99 / echo'],
  measured.map((figure) => [
    `host in ${figure.host === 'disk' ? 'a data folder' : 'memory'}: ${figure.name}`,
    `${figure.counted}`,
    ...needed.map((member) => short(figure[member])),
  ]),
)}`,
});
