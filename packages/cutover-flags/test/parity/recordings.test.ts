import { compareRecordings, recordingLine } from '@autopilot/cutover-flags/parity';
import { expect, test } from '@jest/globals';
import { event, events, noResults, streamId } from './support.ts';

const options = { pair: 'khala/spacetime', now: 1_700_000_000_000 } as const;

async function* slowly(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield await Promise.resolve(line);
}

test('P33 equal recordings match, from files or from memory, whatever their order over streams', async () => {
  const a = events(1, 200);
  const b = events(1, 200).map((one) => ({ ...one, stream_id: 'runtime.worker.2' }));
  const left = [...a, ...b].map(recordingLine);
  const right = [...b, ...a].map(recordingLine);
  const report = await compareRecordings(slowly(left), right, options);
  expect(report.counts).toEqual({ ...noResults, match: 400 });
  expect(report).toMatchObject({ pending: 0, sampled: false, unequal_chains: 0 });
  expect(report.streams.map(({ compared }) => compared)).toEqual([200, 200]);
});

test('P33 what one recording lacks is missing, at its end as well', async () => {
  const lines = events(1, 10).map(recordingLine);
  const report = await compareRecordings(lines, lines.toSpliced(4, 1).slice(0, -1), options);
  expect(report.counts).toEqual({ ...noResults, match: 8, missing_right: 2 });
  expect(report.samples.map(({ seq }) => seq)).toEqual(['5', '10']);
  const empty = await compareRecordings([], lines, options);
  expect(empty.counts).toEqual({ ...noResults, missing_left: 10 });
});

test('P33 recordings from the middle are compared from the first position that both hold', async () => {
  const lines = events(1, 10).map(recordingLine);
  const report = await compareRecordings(lines.slice(2), lines.slice(5), { ...options, from: 'first' });
  expect(report.counts).toEqual({ ...noResults, match: 5 });
  expect(report.not_compared.before_start).toBe(3);
  expect(report.streams).toMatchObject([{ stream_id: streamId, after: '5', seq: '10' }]);
});

const good = recordingLine({ ...event(1), committed_at: 5n });

test.each([
  ['is not JSON', '{'],
  ['is not an event', '[]'],
  ['has a number for its sequence', good.replace('"seq":"1"', '"seq":1')],
  ['has sequence 0', good.replace('"seq":"1"', '"seq":"0"')],
  ['lacks a field', good.replace('"kind":"item/completed",', '')],
  ['has a field that nobody knows', good.replace('{', '{"more":1,')],
  ['has a false hash', good.replace('"payload":"{', '"payload":"{ ')],
])('P34 a line that %s is an error with its number', async (_, bad) => {
  const after = recordingLine(event(2));
  await expect(compareRecordings([good, '', after], [good, after, bad], options)).rejects.toMatchObject({
    code: 'bad_recording',
    details: { side: 'right', line: 3 },
  });
});

test('P34 files are closed when a line is bad', async () => {
  let closed = 0;
  async function* file(lines: readonly string[]): AsyncGenerator<string> {
    try {
      yield* lines;
    } finally {
      closed += 1;
    }
  }
  const lines = events(1, 5).map(recordingLine);
  await expect(compareRecordings(file(lines), file(['bad']), options)).rejects.toMatchObject({ code: 'bad_recording' });
  expect(closed).toBe(2);
});

test('P35 recordings longer than memory are sampled, and progress is told', async () => {
  const lines = events(1, 11_000).map(recordingLine);
  const numbered = (from: number, to: number) => lines.slice(from - 1, to);
  const told: unknown[] = [];
  const report = await compareRecordings(numbered(1, 11_000), numbered(1, 11_000), {
    ...options,
    limits: { pending: 10, pending_per_stream: 10 },
    onProgress: (progress) => told.push(progress),
  });
  // Read in turns, no more than one position waits.
  expect(report).toMatchObject({ counts: { match: 11_000 }, sampled: false });
  expect(told).toEqual([
    { left: 5_000, right: 5_000 },
    { left: 10_000, right: 10_000 },
    { left: 11_000, right: 11_000 },
  ]);
  function* shifted(): Generator<string> {
    for (const one of events(1, 3_000)) yield recordingLine({ ...one, stream_id: 'runtime.only.left' });
    yield* numbered(1, 3_000);
  }
  const uneven = await compareRecordings(shifted(), numbered(1, 3_000), {
    ...options,
    limits: { pending: 100, pending_per_stream: 100 },
  });
  expect(uneven).toMatchObject({ sampled: true, counts: { mismatch: 0, missing_left: 0 }, pending: 0 });
  expect(uneven.share).toBeLessThan(1);
});
