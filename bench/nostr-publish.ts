// Events published to three relays, with the OK of all of them: by the outbox of the bridge, which has each event in its
// file before it is sent and each OK in its file before it counts (SQLite, synchronous = FULL), sends again what failed,
// and goes on after a crash; and by SimplePool of nostr-tools, which does nothing of the kind. The same events, signed
// before; the same websockets (ws); as many events in flight. Real relays on loopback, each in a process of its own, that
// check no signatures. The pace of the bridge (20 events a second and relay where nothing is said) and its bound of what
// is in flight are raised, else they would be what is measured. Processor time is that of the process that publishes.
// node --expose-gc --conditions=@autopilot/source bench/nostr-publish.ts [events] [in flight,...] [rounds] [bytes] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { observeMachine } from './src/measure/machine.ts';
import { short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { measurePublish, type PublishFigure } from './src/nostr/measure-publish.ts';
import { startStoringRelays } from './src/nostr/storing-relays.ts';

const { positionals, json } = readArguments();
const events = wholeNumber(positionals[0], 1_000, 'events');
const windows = (positionals[1] ?? '1,16,64').split(',').map((text) => wholeNumber(text, 0, 'in flight'));
const rounds = wholeNumber(positionals[2], 5, 'rounds');
const content = wholeNumber(positionals[3], 200, 'bytes');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-nostr-publish-'));
const relays = await startStoringRelays(3);
const figures: PublishFigure[] = [];
try {
  for (const inFlight of windows) {
    figures.push(...(await measurePublish(folder, { events, content, inFlight, relays }, rounds)));
  }
} finally {
  await relays.stop();
  rmSync(folder, { recursive: true, force: true });
}
const needed = ['events_per_second', 'cpu_us', 'wall_us', 'of_pool_cpu', 'of_pool_wall'] as const;
printReport({ bench: 'nostr-publish', settings: { events, rounds, content }, machine: machine(), figures }, needed, {
  json,
  table: (measured) =>
    `Microseconds for an event, the least and most of a round in brackets; how many times as much as SimplePool, by
processor time and by the clock.
${tableOf(
  ['in flight', 'events/s', 'cpu', '', 'wall', '', 'cpu / pool', 'wall / pool'],
  measured.map((figure) => [
    `${figure.in_flight}: ${figure.name}`,
    `${figure.events_per_second}`,
    short(figure.cpu_us),
    `(${short(figure.cpu_us_least)} to ${short(figure.cpu_us_most)})`,
    short(figure.wall_us),
    `(${short(figure.wall_us_least)} to ${short(figure.wall_us_most)})`,
    short(figure.of_pool_cpu),
    short(figure.of_pool_wall),
  ]),
)}`,
});
