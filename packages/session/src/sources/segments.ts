import type { LiveRow } from '../module/event-rows.ts';
import { decodePublicRow, segmentLength } from '../module/public-rows.ts';
import type { RowSlices } from '../wire/row-slices.ts';
import { type SourceHost, type StreamSource, sqlText } from './source.ts';

interface Segment {
  applied: boolean;
  readonly end: () => void;
}

/**
 * A public stream is a public table, subscribed by ordinary SQL, a segment at a time: the one that the next event falls
 * into, and the one after it, so that nothing waits for a subscription when a segment is full. A segment comes with the
 * rows that it has, so a subscription leaves no hole behind the last page. The texts of the queries are the same for all
 * readers, which share one plan on the host; rows that were read already are dropped.
 */
export function segments(host: SourceHost): StreamSource {
  const open = new Map<bigint, Segment>();
  let route: string | undefined;
  let at = 0n;
  /** Within reach of the end; before that, pages are the quicker way. */
  let near = false;
  const close = () => {
    for (const { end } of open.values()) end();
    open.clear();
  };
  const listen = (place: bigint) => {
    const key = `${route}:${place}`;
    const segment: Segment = {
      applied: false,
      end: host.query(`SELECT * FROM public_event WHERE segment_key = ${sqlText(key)}`, {
        applied: (tables) => {
          segment.applied = true;
          heard(tables.map(({ rows }) => rows));
          // Its own rows may have led on into the next one.
          if (open.get(at)?.applied === true) host.listening(false);
        },
        changed: (tables) => heard(tables.map(({ inserts }) => inserts)),
        lost: (message) => {
          close();
          host.lost(message);
        },
      }),
    };
    open.set(place, segment);
  };
  const heard = (lists: readonly RowSlices[]) => {
    const events: LiveRow[] = [];
    for (const rows of lists) host.reader.eachRow(rows, (reader) => events.push(decodePublicRow(reader)));
    if (events.length === 0) return;
    host.heard(events.sort((a, b) => (a.event.seq < b.event.seq ? -1 : 1)));
  };
  const moved = (seq: bigint) => {
    if (!near) return;
    // Sequences begin at 1, so the event after `seq` is number `seq` counted from 0.
    at = seq / segmentLength;
    for (const [place, { end }] of open) {
      if (place === at || place === at + 1n) continue;
      open.delete(place);
      end();
    }
    for (const place of [at, at + 1n]) if (!open.has(place)) listen(place);
  };
  return {
    fanout: 'public',
    get listening() {
      return open.get(at)?.applied === true;
    },
    page: (page, seq) => {
      near = page.head - seq <= 2n * segmentLength;
      if (page.route !== route || !near) close();
      route = page.route;
      moved(seq);
    },
    moved,
    stop: close,
  };
}
