import { type Contestant, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { chainedEvents, type KeyShape } from '../wire/events.ts';
import { encodeRows, writeLiveRow } from '../wire/rows.ts';
import { liveSet } from '../wire/scripted-host.ts';
import { transactionUpdates } from '../wire/server-frames.ts';
import { bareInsert, type DiskInput, decideAndCommit, wholeWay } from './to-disk.ts';

/** One contestant with batches of one size. */
export interface DiskFigure {
  readonly batch: number;
  readonly name: string;
  /** Events of all rounds that were found in the file. */
  readonly counted: number;
  readonly cpu_us: number | null;
  readonly wall_us: number | null;
  readonly events_per_second: number | null;
  /** Its rate divided by that of the bare insert into the same table: by processor time, and by the clock. */
  readonly of_same_table: number | null;
  readonly of_same_table_by_clock: number | null;
  /** The same, divided by that of the bare insert without an index of keys. */
  readonly of_sequence_only: number | null;
  readonly of_sequence_only_by_clock: number | null;
}

/** How much is written, in how large transactions, and how often. */
export interface DiskWork {
  readonly events: number;
  readonly batch: number;
  readonly rounds: number;
  readonly keys?: KeyShape;
}

/** From frames and from events in memory. @param folder Files are made in it. */
export function measureToDisk(folder: string, work: DiskWork): Promise<DiskFigure[]> {
  const input = inputOf(work);
  return measured(work, [...fromMemory(folder, input), wholeWay('frame to commit', folder, input)]);
}

/** From events in memory only. @param folder Files are made in it. */
export function measureDecided(folder: string, work: DiskWork): Promise<DiskFigure[]> {
  return measured(work, fromMemory(folder, inputOf(work)));
}

function fromMemory(folder: string, input: DiskInput): Contestant[] {
  return [
    bareInsert('bare insert, same table', 'of the store', folder, input),
    bareInsert('bare insert, sequence only', 'sequence only', folder, input),
    decideAndCommit('decide and commit', folder, input),
  ];
}

async function measured(
  { events, batch, rounds }: DiskWork,
  contestants: readonly Contestant[],
): Promise<DiskFigure[]> {
  const figures = await inTurns(contestants, { units: events, rounds });
  const [same, sequence] = figures;
  if (same === undefined || sequence === undefined) throw new Error('nothing was measured');
  return figures.map((own) => {
    const wall = median(own.turns.map((turn) => turn.wall));
    return {
      batch,
      name: own.name,
      counted: own.counted,
      cpu_us: rounded(median(own.turns.map((turn) => turn.cpu))),
      wall_us: rounded(wall),
      events_per_second: rounded(Math.round(1_000_000 / wall)),
      of_same_table: rounded(timesAsMuch(same, own, 'cpu')),
      of_same_table_by_clock: rounded(timesAsMuch(same, own, 'wall')),
      of_sequence_only: rounded(timesAsMuch(sequence, own, 'cpu')),
      of_sequence_only_by_clock: rounded(timesAsMuch(sequence, own, 'wall')),
    };
  });
}

function inputOf({ events: count, batch, keys = 'rising' }: DiskWork): DiskInput {
  const events = [...chainedEvents(count, { keys })];
  const rows = encodeRows(events, count, writeLiveRow);
  return {
    // As the session makes them: without the chain of the host.
    batches: Array.from({ length: Math.ceil(count / batch) }, (_, at) =>
      events.slice(at * batch, (at + 1) * batch).map(({ chain, ...event }) => event),
    ),
    frames: transactionUpdates(() => liveSet, 'live_inbox', 'event', rows, batch),
    events: count,
    chain: events.at(-1)?.chain ?? '',
  };
}
