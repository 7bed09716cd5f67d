import { staleReason } from '@autopilot/sync-contract';
import { Range, t } from 'spacetimedb/server';
import type { Ctx, StreamRow } from './schema.ts';
import { utf8Length } from './utf8.ts';

const PageRow = t.object('PageRow', {
  seq: t.u64(),
  kind: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  committed_at: t.timestamp(),
});

export const StreamPage = t.object('StreamPage', {
  status: t.string(),
  epoch: t.string(),
  head: t.u64(),
  head_chain: t.string(),
  first_kept: t.u64(),
  floor_chain: t.string(),
  fanout: t.string(),
  route: t.string(),
  rows: t.array(PageRow),
  more: t.bool(),
});

export type Page = ReturnType<typeof emptyPage>;

const mostRows = 500;
/** A page ends with the row that brings its payloads to this many UTF-8 bytes. */
const pageBytes = 1024 * 1024;
/** Rows read at a time: a range is collected whole before the first row is seen, and a row may be 256 KiB. */
const rowsPerRead = 32n;

/** A page without rows, for every status that shows nothing of the stream. */
export function emptyPage(status: string) {
  return {
    status,
    epoch: '',
    head: 0n,
    head_chain: '',
    first_kept: 0n,
    floor_chain: '',
    fanout: '',
    route: '',
    rows: [] as PageRowValue[],
    more: false,
  };
}

/** The page after a position. `epoch` '' means no position: the page starts at the first kept event. */
export function pageAfter(ctx: Ctx, stream: StreamRow, epoch: string, after: bigint, limit: number): Page {
  const head = headOf(stream);
  if (epoch === '') return { ...head, ...rowsAfter(ctx, stream, stream.first_kept - 1n, limit) };
  if (epoch !== stream.epoch) return { ...head, status: 'epoch_changed' };
  const stale = staleReason({ after, first_kept: stream.first_kept, head: stream.head });
  if (stale !== undefined) return { ...head, status: stale };
  return { ...head, ...rowsAfter(ctx, stream, after, limit) };
}

function headOf(stream: StreamRow): Page {
  const { epoch, head, head_chain, first_kept, floor_chain, fanout } = stream;
  const route = fanout === 'inbox' ? '' : stream.route;
  return { ...emptyPage('ok'), epoch, head, head_chain, first_kept, floor_chain, fanout, route };
}

type PageRowValue = {
  seq: bigint;
  kind: string;
  payload: string;
  payload_hash: string;
  idempotency_key: string;
  committed_at: Ctx['timestamp'];
};

function rowsAfter(ctx: Ctx, stream: StreamRow, after: bigint, limit: number): Pick<Page, 'rows' | 'more'> {
  const wanted = BigInt(Math.min(Math.max(limit, 1), mostRows));
  const last = after + wanted < stream.head ? after + wanted : stream.head;
  const rows: PageRowValue[] = [];
  let at = after;
  let bytes = 0;
  while (at < last && bytes < pageBytes) {
    const end = at + rowsPerRead < last ? at + rowsPerRead : last;
    const read = readRange(ctx, stream.stream_id, at, end);
    if (read.length === 0) break;
    for (const row of read) {
      if (bytes >= pageBytes) break;
      rows.push(row);
      at = row.seq;
      bytes += utf8Length(row.payload);
    }
  }
  return { rows, more: at < stream.head };
}

/** The events of `(after, end]`. Sorted here: a scan is not, as soon as its transaction has written to the table. */
function readRange(ctx: Ctx, streamId: string, after: bigint, end: bigint): PageRowValue[] {
  const range = new Range<bigint>({ tag: 'excluded', value: after }, { tag: 'included', value: end });
  const rows: PageRowValue[] = [];
  for (const row of ctx.db.sync_event.by_stream_seq.filter([streamId, range])) {
    const { seq, kind, payload, payload_hash, idempotency_key, committed_at } = row;
    rows.push({ seq, kind, payload, payload_hash, idempotency_key, committed_at });
  }
  return rows.sort((a, b) => (a.seq < b.seq ? -1 : 1));
}
