import type { Contestant } from '../measure/in-turns.ts';
import { chainedEvents, epoch } from './events.ts';
import { firstSubscription, followed, type Input, official, replayed, subscribed } from './in-memory.ts';
import {
  encodeRows,
  type Rows,
  segmentLength,
  writeLiveRow,
  writeLogRow,
  writePageRow,
  writePublicRow,
} from './rows.ts';
import { liveSet } from './scripted-host.ts';
import { pageAnswer, subscribeApplied, transactionUpdates } from './server-frames.ts';

/**
 * How the rows come, and in how large transactions. `snapshot`: in one SubscribeApplied. `table`: to a table that is
 * kept. `public`: to the public table of a stream. `inbox`: to the event table of a stream.
 */
export const shapes = [
  'snapshot',
  'table of 1',
  'table of 128',
  'public of 1',
  'public of 128',
  'inbox of 1',
  'inbox of 128',
] as const;

/** One of {@link shapes}. */
export type Shape = (typeof shapes)[number];

const most = 'session and apply-engine';

/** Who is measured with these rows. But for those that are named here, all of one case get the same bytes. */
export function casesOf(shape: Shape, count: number): Contestant[] {
  const batch = shape.endsWith('128') ? 128 : 1;
  if (shape === 'snapshot') return snapshot(count);
  if (shape.startsWith('table')) return table(count, batch);
  return shape.startsWith('public') ? publicStream(count, batch) : inbox(count, batch);
}

/** The last one reads its stream by pages, hence other frames of the same events. */
function snapshot(count: number): Contestant[] {
  const [rows, chain] = rowsOf(count, writeLogRow, 60);
  const set = firstSubscription;
  const input: Input = { frames: [subscribeApplied(set, set, 'event_log', rows)], rows: count, chain };
  const [pageRows] = rowsOf(count, writePageRow, 60);
  return [
    ...officials('event_log', true, input),
    subscribed('session, bytes', 'bytes', true, input),
    subscribed('session, decoded', 'decoded', true, input),
    replayed(`${most}, by pages`, { frames: pagesOf(pageRows), rows: count, chain }),
  ];
}

function table(count: number, batch: number): Contestant[] {
  const [rows, chain] = rowsOf(count, writeLogRow, 60);
  const frames = transactionUpdates(() => firstSubscription, 'event_log', 'kept', rows, batch);
  const input: Input = { frames, rows: count, chain };
  return [
    ...officials('event_log', false, input),
    subscribed('session, bytes', 'bytes', false, input),
    subscribed('session, decoded', 'decoded', false, input),
  ];
}

/** The session keeps two segments of the stream subscribed, each by a query set of its own: the next number each time. */
function publicStream(count: number, batch: number): Contestant[] {
  const [rows, chain] = rowsOf(count, writePublicRow, 200);
  const setOf = (index: number) => liveSet + 1 + Math.floor(index / segmentLength);
  const input: Input = { frames: transactionUpdates(setOf, 'public_event', 'kept', rows, batch), rows: count, chain };
  return [...officials('public_event', false, input), followed(most, 'public', input)];
}

/**
 * The official client keeps nothing of an event table. To keep rows, it needs them as rows of an ordinary table, which
 * differ in one tag and an empty list of deletes.
 */
function inbox(count: number, batch: number): Contestant[] {
  const [rows, chain] = rowsOf(count, writeLiveRow, 200);
  const framesOf = (kind: 'event' | 'kept') => transactionUpdates(() => liveSet, 'live_inbox', kind, rows, batch);
  const input: Input = { frames: framesOf('event'), rows: count, chain };
  return [
    official('official, event table', { table: 'live_inbox', primaryKey: false, event: true }, false, input),
    ...officials('live_inbox', false, { ...input, frames: framesOf('kept') }),
    followed(most, 'inbox', input),
  ];
}

function officials(name: Parameters<typeof official>[1]['table'], isSnapshot: boolean, input: Input): Contestant[] {
  return [
    official('official, primary key', { table: name, primaryKey: true, event: false }, isSnapshot, input),
    official('official, no key', { table: name, primaryKey: false, event: false }, isSnapshot, input),
  ];
}

function pagesOf(rows: Rows): Uint8Array[] {
  const pageSize = 500;
  const pages: Uint8Array[] = [];
  for (let from = 0; from < rows.count; from += pageSize) {
    const to = Math.min(from + pageSize, rows.count);
    const content = { epoch, head: BigInt(rows.count), fanout: 'inbox', more: to < rows.count } as const;
    pages.push(pageAnswer({ ...content, rows: { rows, from, to } }));
  }
  return pages;
}

/** @param text UTF-16 units of text in each payload. */
function rowsOf(count: number, write: typeof writeLogRow, text: number): readonly [rows: Rows, chain: string] {
  let chain = '';
  const passing = function* () {
    for (const event of chainedEvents(count, { text })) {
      ({ chain } = event);
      yield event;
    }
  };
  return [encodeRows(passing(), count, write), chain];
}
