import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { chainedEvents } from './events.ts';
import { followed, type Input, official, querySets, subscribed } from './in-memory.ts';
import { encodeRows, writeLiveRow, writeLogRow } from './rows.ts';
import { subscribeApplied, transactionUpdates } from './server-frames.ts';

/** How the rows come: in one SubscribeApplied, or in transactions of so many rows each. */
export type Shape = 'snapshot' | 'updates of 1' | 'updates of 100' | 'stream of 1' | 'stream of 100';

export const shapes: readonly Shape[] = ['snapshot', 'updates of 1', 'updates of 100', 'stream of 1', 'stream of 100'];

/** One contestant in one case; microseconds per row. */
export interface InMemoryFigure {
  readonly shape: Shape;
  readonly rows: number;
  readonly name: string;
  readonly cpu_us: number | null;
  readonly wall_us: number | null;
  /** Processor time of each official client, divided by this one's, by the name of the official client. */
  readonly official_takes: Readonly<Record<string, number | null>>;
}

/** Measures one case. */
export async function measureInMemory(shape: Shape, rows: number, rounds: number): Promise<InMemoryFigure[]> {
  const contestants = shape.startsWith('stream') ? streamCase(rows, batchOf(shape)) : tableCase(rows, shape);
  // A turn does at least so many rows: one that takes less than a clock tick says nothing.
  const repeat = Math.ceil(20_000 / rows);
  const figures = await inTurns(contestants, { units: rows, rounds, repeat });
  const officials = figures.filter(({ name }) => name.startsWith('official'));
  return figures.map((own) => ({
    shape,
    rows,
    name: own.name,
    cpu_us: rounded(median(own.turns.map(({ cpu }) => cpu))),
    wall_us: rounded(median(own.turns.map(({ wall }) => wall))),
    official_takes: ratios(officials, own),
  }));
}

function ratios(officials: readonly Figures[], own: Figures): Record<string, number | null> {
  return Object.fromEntries(officials.map((one) => [one.name, rounded(timesAsMuch(one, own, 'cpu'))]));
}

/** Rows of a table that keeps a log. The frames are the same bytes for all. */
function tableCase(count: number, shape: Shape): Contestant[] {
  const [rows, chain] = rowsOf(count, writeLogRow, 60);
  const set = querySets.subscribed;
  const snapshot = shape === 'snapshot';
  const frames = snapshot
    ? [subscribeApplied(set, set, 'event_log', rows)]
    : transactionUpdates(set, 'event_log', 'kept', rows, batchOf(shape));
  const input: Input = { frames, rows: count, chain };
  const table = 'event_log';
  return [
    official('official, primary key', { table, primaryKey: true, event: false }, set, snapshot, input),
    official('official, no key', { table, primaryKey: false, event: false }, set, snapshot, input),
    subscribed('session, bytes', 'bytes', snapshot, input),
    subscribed('session, decoded', 'rows', snapshot, input),
    subscribed('session and apply-engine', 'applied', snapshot, input),
  ];
}

/**
 * Rows of live_inbox. The session and the official client with an event table get the same bytes; to keep rows, the
 * official client needs them as rows of an ordinary table, which differ in one tag and an empty list of deletes.
 */
function streamCase(count: number, batch: number): Contestant[] {
  const [rows, chain] = rowsOf(count, writeLiveRow, 200);
  const table = 'live_inbox';
  const set = querySets.followed;
  const events: Input = { frames: transactionUpdates(set, table, 'event', rows, batch), rows: count, chain };
  const kept: Input = { ...events, frames: transactionUpdates(set, table, 'kept', rows, batch) };
  return [
    official('official, event table', { table, primaryKey: false, event: true }, set, false, events),
    official('official, primary key', { table, primaryKey: true, event: false }, set, false, kept),
    official('official, no key', { table, primaryKey: false, event: false }, set, false, kept),
    followed('session and apply-engine', events),
  ];
}

function rowsOf(count: number, write: typeof writeLogRow, text: number) {
  let chain = '';
  const events = chainedEvents(count, { text });
  const passing = function* () {
    for (const event of events) {
      ({ chain } = event);
      yield event;
    }
  };
  const rows = encodeRows(passing(), count, write);
  return [rows, chain] as const;
}

function batchOf(shape: Shape): number {
  return shape.endsWith('100') ? 100 : 1;
}
