import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkStreamLog, type StreamEvent } from '../../src/cache-check/check-stream-log.ts';
import { checkStreamRecord } from '../../src/cache-check/check-stream-record.ts';
import type { Reads, RecordLine } from '../../src/cache-check/record.ts';
import { positionsIn } from '../../src/cache-check/stream-subscriber.ts';

/** Events of two writers in turn. */
function streamOf(stream: string, length: number): StreamEvent[] {
  return Array.from({ length }, (_, index) => {
    const key = `${1 + (index % 2)}:${10 * stream.length + 1 + Math.floor(index / 2)}`;
    return { stream, seq: index + 1, key, hash: `hash of ${key}`, at: 1000 + index };
  });
}

const one = streamOf('one', 30);
const other = streamOf('other', 20);
const log = new Map([
  ['one', one],
  ['other', other],
]);
const writers = [1, 2].map((writer) => {
  const own = [...one, ...other].filter(({ key }) => key.startsWith(`${writer}:`));
  return { writer, acknowledged: own.map(({ key }) => Number(key.split(':')[1])), failed: [] };
});

let clock = 0;
function batch(events: readonly StreamEvent[]): RecordLine {
  clock += 10;
  const told = events.map(({ seq, key, hash, at }) => ({ seq, key, hash, at }));
  const { stream = '' } = events[0] ?? {};
  return { k: 'batch', at: clock, stream, source: 'live', epoch: 'e', events: told, view: { n: 0 } };
}
const start: RecordLine = { k: 'start', at: 0, pid: 1 };
const check = (lines: readonly RecordLine[], reads: Reads = 'confirmed') =>
  checkStreamRecord({ lines, torn: 0 }, log, reads);
const kinds = (lines: readonly RecordLine[], reads: Reads = 'confirmed') =>
  check(lines, reads).violations.map(({ kind }) => kind);
const rest = batch(other);

describe('a record of streams', () => {
  test('that has every event once and in order, over two processes, is fine', () => {
    const { violations, counts, points } = check([
      ...[start, batch(one.slice(0, 9)), batch(other.slice(0, 5)), start],
      ...[batch(one.slice(9)), batch(other.slice(5))],
    ]);
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ runs: 2, transactions: 4, states: 50, unhappened: 0 });
    expect(points.map(({ n }) => n)).toEqual([9, 14, 35, 50]);
  });

  test('H2, H3, H4 an event that is missing, that comes twice, that comes late', () => {
    expect(kinds([start, batch(one.slice(0, 9)), batch(one.slice(10)), rest])).toEqual(['gap']);
    expect(kinds([start, batch(one.slice(0, 9)), batch(one.slice(8)), rest])).toEqual(['repeat']);
    expect(kinds([start, batch(one), batch(one.slice(5)), rest])).toEqual(['backwards']);
  });

  test('H5 an event that the server has not: a finding for confirmed reads, counted for others', () => {
    const lost = one.slice(9, 12).map((event) => ({ ...event, at: event.at + 0.5 }));
    const lines = [start, batch(one.slice(0, 9)), batch(lost), batch(one.slice(12)), rest];
    expect(kinds(lines)).toEqual(['unhappened']);
    const { violations, counts, branches } = check(lines, 'unconfirmed');
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ unhappened: 3, states: 47 });
    expect(branches).toEqual(['10 of one of 1009.5']);
  });

  test('H5 a confirmed reader is never taken back', () => {
    const back: RecordLine = { k: 'rewound', at: 500, stream: 'one', reason: 'epoch_changed', epoch: 'e', to: 0 };
    const lines = [start, batch(one.slice(0, 9)), back, batch(one), rest];
    expect(kinds(lines)).toEqual(['unhappened']);
    expect(kinds(lines, 'unconfirmed')).toEqual([]);
  });

  test('H8, H9 a reader that stops, and one that gives up', () => {
    expect(kinds([start, batch(one)])).toEqual(['stuck']);
    expect(kinds([start, batch(one), rest, { k: 'failed', at: 1, message: 'closed' }])).toEqual(['crashed']);
  });

  test('says where the next process goes on, whatever the last line is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cache-check-'));
    const path = join(folder, 'record.jsonl');
    expect(positionsIn(path).size).toBe(0);
    const lines = [start, batch(one.slice(0, 9)), rest].map((line) => JSON.stringify(line));
    writeFileSync(path, `${lines.join('\n')}\n{"k":"batch","at":3,"str`);
    expect(Object.fromEntries(positionsIn(path))).toEqual({
      one: { epoch: 'e', seq: 9n },
      other: { epoch: 'e', seq: 20n },
    });
    rmSync(folder, { recursive: true });
  });
});

describe('the log of streams', () => {
  test('that has what was acknowledged, once and in order, is fine', () => {
    expect(checkStreamLog(log, writers)).toEqual([]);
  });

  test('H10 an event that was acknowledged and is not there, that is there twice, that was given up', () => {
    const [first] = writers;
    if (first === undefined) throw new Error('unreachable');
    const more = { ...first, acknowledged: [...first.acknowledged, 999], failed: ['call 1000 failed: no'] };
    expect(checkStreamLog(log, [more]).map(({ detail }) => detail)).toEqual([
      '1 acknowledged events of writer 1 are not there, from 999 on',
      'writer 1: call 1000 failed: no',
    ]);
    const again = { ...(one[3] as StreamEvent), seq: 31 };
    expect(checkStreamLog(new Map([['one', [...one, again]]]), [])).toMatchObject([{ kind: 'unacknowledged' }]);
  });

  test('H11 a stream with a hole', () => {
    expect(checkStreamLog(new Map([['one', one.slice(1)]]), [])).toMatchObject([{ kind: 'server' }]);
  });
});
