import { emptyCounts, type RecordFindings } from './check-record.ts';
import type { StreamLog } from './check-stream-log.ts';
import type { Reads, SubscriberRecord } from './record.ts';
import type { Violation } from './violations.ts';

/**
 * Compares the events that a subscriber was handed with the server's streams. A process that is started again goes on from
 * what its record holds, so over all of them every event must come once and in its place.
 */
export function checkStreamRecord(record: SubscriberRecord, log: StreamLog, reads: Reads): RecordFindings {
  const counts = { ...emptyCounts(), torn: record.torn };
  const violations: Violation[] = [];
  const points: { at: number; n: number }[] = [];
  const branches = new Set<string>();
  const positions = new Map<string, number>();
  /** Streams on which something was wrong: what follows from it is not counted again. */
  const tainted = new Set<string>();
  let longestSilenceMs = 0;
  const found = (kind: Violation['kind'], at: number | undefined, detail: string) =>
    violations.push({ kind, detail, ...(at === undefined ? {} : { at }) });
  for (const line of record.lines) {
    if (line.k === 'start') counts.runs += 1;
    else if (line.k === 'failed') found('crashed', line.at, line.message);
    else if (line.k === 'rewound') {
      counts.snapshots += 1;
      positions.set(line.stream, line.to);
      tainted.delete(line.stream);
      if (reads === 'confirmed')
        found('unhappened', line.at, `${line.stream} was taken back to ${line.to}: ${line.reason}`);
    } else if (line.k === 'batch') {
      counts.transactions += 1;
      longestSilenceMs = Math.max(longestSilenceMs, line.at - (points.at(-1)?.at ?? line.at));
      for (const { seq, key, hash, at } of line.events) {
        const where = `${seq} of ${line.stream}`;
        const before = positions.get(line.stream) ?? 0;
        if (seq > before + 1) found('gap', line.at, `${where} came after ${before}`);
        else if (seq === before) found('repeat', line.at, `${where} came again`);
        else if (seq < before) found('backwards', line.at, `${where} came after ${before}`);
        positions.set(line.stream, seq);
        const own = log.get(line.stream)?.[seq - 1];
        if (own !== undefined && own.key === key && own.hash === hash && own.at === at) {
          counts.states += 1;
          tainted.delete(line.stream);
          continue;
        }
        const isFirst = !tainted.has(line.stream);
        tainted.add(line.stream);
        if (reads === 'unconfirmed') {
          counts.unhappened += 1;
          if (isFirst) branches.add(`${where} of ${at}`);
        } else if (isFirst) {
          found('unhappened', line.at, `${where} was ${key} of ${at}, the server has ${own?.key} of ${own?.at}`);
        } else counts.tainted += 1;
      }
      points.push({ at: line.at, n: [...positions.values()].reduce((sum, seq) => sum + seq, 0) });
    }
  }
  for (const [stream, events] of log) {
    const position = positions.get(stream) ?? 0;
    if (position === events.length) continue;
    found('stuck', undefined, `is at ${position} of ${stream} in the end, the server has ${events.length}`);
  }
  return { violations, counts, points, branches: [...branches], longestSilenceMs };
}
