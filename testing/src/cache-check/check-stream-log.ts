import type { WriterRecord } from './check-server.ts';
import type { Violation } from './violations.ts';

/** One event of a stream, as far as it is compared. */
export interface StreamEvent {
  readonly stream: string;
  readonly seq: number;
  /** `WRITER:NONCE` */
  readonly key: string;
  readonly hash: string;
  /** Microseconds, by the server: tells an event from one that was appended again after a crash. */
  readonly at: number;
}

/** The events of each stream in the server's order. */
export type StreamLog = ReadonlyMap<string, readonly StreamEvent[]>;

/** Judges the log by itself, and against what was acknowledged. */
export function checkStreamLog(log: StreamLog, writers: readonly WriterRecord[]): Violation[] {
  const violations: Violation[] = [];
  const keys = new Set<string>();
  const last = new Map<string, number>();
  for (const [stream, events] of log) {
    const outOfPlace = events.find(({ seq }, index) => seq !== index + 1);
    if (outOfPlace !== undefined) {
      violations.push({ kind: 'server', detail: `${stream} is not numbered from 1 on: see ${outOfPlace.seq}` });
    }
    for (const { key, seq } of events) {
      const [writer = '', nonce = ''] = key.split(':');
      const place = `${stream} ${writer}`;
      if (keys.has(key) || Number(nonce) <= (last.get(place) ?? 0)) {
        const detail = `${key} is at ${seq} of ${stream}, behind ${last.get(place)} of its writer`;
        violations.push({ kind: 'unacknowledged', detail });
      }
      keys.add(key);
      last.set(place, Number(nonce));
    }
  }
  for (const { writer, acknowledged, failed } of writers) {
    const lost = acknowledged.filter((nonce) => !keys.has(`${writer}:${nonce}`));
    if (lost.length > 0) {
      const detail = `${lost.length} acknowledged events of writer ${writer} are not there, from ${lost[0]} on`;
      violations.push({ kind: 'unacknowledged', detail });
    }
    for (const detail of failed) violations.push({ kind: 'unacknowledged', detail: `writer ${writer}: ${detail}` });
  }
  return violations;
}
