// Memory and file of the inbound path of the bridge over many events of Nostr: a relay in a process of its own signs
// events that all differ and sends them over a websocket, one thread checks their signatures, and each is taken in the
// transaction that remembers its id; the seen-set is smaller than their number. Memory is read after everything that can
// be collected was. It takes no more than one event a millisecond or two of a busy core: a million take 10 minutes or more.
// node --expose-gc --conditions=@autopilot/source bench/nostr-inbound-memory.ts [events] [ids remembered] [bytes] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { observeMachine } from './src/measure/machine.ts';
import { rounded, short, tableOf } from './src/measure/print.ts';
import { readArguments } from './src/measure/read-arguments.ts';
import { printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';
import { growthOfLastHalf, type InboundSample, isFlat, mostGrowth } from './src/nostr/flatness.ts';
import { watchInbound } from './src/nostr/watch-inbound.ts';

const { positionals, json } = readArguments();
const events = wholeNumber(positionals[0], 1_000_000, 'events');
const seen = wholeNumber(positionals[1], 200_000, 'ids');
const content = wholeNumber(positionals[2], 200, 'bytes');

const machine = observeMachine();
const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-nostr-memory-'));
const samples: InboundSample[] = [];
try {
  const times = await watchInbound(folder, { events, seen, content }, (sample) => {
    samples.push(sample);
    // A run is long: whoever looks at it sees how far it is.
    if (!json) console.error(JSON.stringify(sample));
  });
  const last = samples.at(-1);
  const growth = growthOfLastHalf(samples);
  const figure = {
    name: 'frame to accepted',
    counted: last?.events ?? 0,
    cpu_us: rounded(times.cpu_us),
    wall_us: rounded(times.wall_us),
    rss_mb: last?.rss_mb ?? null,
    heap_mb: last?.heap_mb ?? null,
    file_mb: last?.file_mb ?? null,
    flat: isFlat(growth),
    growth,
    samples,
  };
  const settings = { events, seen, content };
  const needed = ['cpu_us', 'wall_us', 'rss_mb', 'heap_mb', 'file_mb'] as const;
  printReport({ bench: 'nostr-inbound-memory', settings, machine: machine(), figures: [figure] }, needed, {
    json,
    table: () => {
      const members = ['events', 'seen', 'heap_mb', 'external_mb', 'rss_mb', 'file_mb'] as const;
      const rows = samples.map((sample) => members.map((member) => `${sample[member]}`));
      const grown = Object.entries(mostGrowth).map(
        ([member, most]) => `${member} ${short(growth[member as keyof typeof growth])} (bound ${most})`,
      );
      return `Megabytes; ${short(times.cpu_us)} microseconds of processor time for an event, ${short(times.wall_us)} by the clock.
${tableOf(['events', 'ids', 'heap', 'external', 'RSS', 'file'], rows)}
Added at most in the last half: ${grown.join(', ')}: ${figure.flat ? 'flat' : 'not flat'}.`;
    },
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
