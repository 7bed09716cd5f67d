// Memory over many events, frame to applied: the session with the apply engine, and the official client with the rows of
// an event table (which it tells of and does not keep) and of an ordinary one (which it keeps). Each in a process of its
// own, in transactions of 128 events of 260 bytes; memory is read after everything that can be collected was.
// node --conditions=@autopilot/source bench/memory-growth.ts [events] [kept events] [--json]
// The client that keeps rows gets `kept events` only: 10,000,000 do not fit.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type SubjectName, subjectNames } from './src/growth/subjects.ts';
import { heapPerEvent, type MemorySample, watchMemory } from './src/growth/watch-memory.ts';
import { observeMachine } from './src/measure/machine.ts';
import { rounded, short, tableOf } from './src/measure/print.ts';
import { type Figure, printReport } from './src/measure/report.ts';
import { wholeNumber } from './src/measure/whole-number.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, json: { type: 'boolean', default: false } },
});
const events = wholeNumber(positionals[0], 10_000_000, 'events');
const kept = wholeNumber(positionals[1], Math.min(events, 1_000_000), 'kept events');
const samplesEach = 10;

const only = subjectNames.find((name) => name === values.only);
if (only !== undefined) {
  await watchMemory(only, { events, every: Math.ceil(events / samplesEach) }, (sample) =>
    console.log(JSON.stringify(sample)),
  );
} else {
  const machine = observeMachine();
  const figures: GrowthFigure[] = [];
  for (const name of subjectNames) {
    const samples = await inOwnProcess(name, name === 'official, primary key' ? kept : events);
    const [first, last] = [samples[1], samples.at(-1)];
    figures.push({
      name,
      counted: last?.events ?? 0,
      rss_mb: last?.rss ?? null,
      heap_mb: last?.heap ?? null,
      heap_bytes_per_event: rounded(heapPerEvent(samples)),
      rss_growth_mb: rounded((last?.rss ?? Number.NaN) - (first?.rss ?? Number.NaN)),
      samples,
    });
  }
  printReport(
    { bench: 'memory-growth', settings: { events, kept }, machine: machine(), figures },
    ['rss_mb', 'heap_mb'],
    {
      json: values.json,
      table: (measured) =>
        measured
          .map(({ name, samples, heap_bytes_per_event }) => {
            const rows = samples.map((each) => [each.events, each.rss, each.heap, each.buffers].map(String));
            return `
${name}: ${short(heap_bytes_per_event)} bytes of heap per event
${tableOf(['events', 'RSS MB', 'heap MB', 'buffers MB'], rows)}`;
          })
          .join('\n'),
    },
  );
}

/** One of the subjects, with the memory that it came to. */
interface GrowthFigure extends Figure {
  readonly rss_mb: number | null;
  readonly heap_mb: number | null;
  readonly heap_bytes_per_event: number | null;
  /** Since the first tenth of the events. */
  readonly rss_growth_mb: number | null;
  readonly samples: readonly MemorySample[];
}

async function inOwnProcess(name: SubjectName, count: number): Promise<MemorySample[]> {
  const flags = ['--expose-gc', '--max-old-space-size=12288', '--conditions=@autopilot/source'];
  const args = [...flags, import.meta.filename, `${count}`, '--only', name];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const samples: MemorySample[] = [];
  for await (const line of createInterface({ input: child.stdout })) samples.push(JSON.parse(line) as MemorySample);
  const code = await ended;
  if (code !== 0) throw new Error(`The process of "${name}" ended with ${code}.`);
  return samples;
}
