// Events of Nostr verified for a second of processor time: the verifier of the bridge alone, and its whole way from the
// bytes of a frame to an event that is taken and remembered in a file (size, schema, filter, time, id, signature in a
// thread, seen-set, one relay). Against verifyEvent of nostr-tools, in JavaScript and over WebAssembly, with the same
// signed events, parsed anew for every turn. In turns; processor time is that of all threads.
// node --expose-gc --conditions=@autopilot/source bench/nostr-verify.ts [events] [bytes of content,...] [rounds] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { measureVerify, type VerifyFigure } from './src/nostr/measure-verify.ts';

const { positionals, json } = readArguments();
const events = wholeNumber(positionals[0], 1_000, 'events');
const sizes = (positionals[1] ?? '200,4096').split(',').map((text) => wholeNumber(text, 0, 'bytes'));
const rounds = wholeNumber(positionals[2], 5, 'rounds');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-nostr-verify-'));
const figures: VerifyFigure[] = [];
try {
  for (const content of sizes) figures.push(...(await measureVerify(folder, { events, content, rounds })));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const needed = ['cpu_us', 'wall_us', 'per_core', 'nostr_tools_takes', 'nostr_tools_takes_by_clock'] as const;
printReport({ bench: 'nostr-verify', settings: { events, rounds }, machine: machine(), figures }, needed, {
  json,
  table: (measured) =>
    `Microseconds per event, the least and the most of a round; events in a second of processor time; how many times as
long nostr-tools takes in JavaScript, by processor time and by the clock.
${tableOf(
  ['', 'cpu', 'least', 'most', 'wall', 'per core', 'times', 'by clock'],
  measured.map((figure) => [
    `${figure.content} bytes: ${figure.name}`,
    short(figure.cpu_us),
    short(figure.cpu_us_least),
    short(figure.cpu_us_most),
    short(figure.wall_us),
    `${figure.per_core}`,
    short(figure.nostr_tools_takes),
    short(figure.nostr_tools_takes_by_clock),
  ]),
)}`,
});
