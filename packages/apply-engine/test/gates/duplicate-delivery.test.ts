// The gate: an event that is delivered again changes nothing, whenever and in whatever order it comes.
import { recordGateFacts } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import { rival } from '../support.ts';
import { chance, length, Reader, shuffled, theLog, trueChain } from './support.ts';

function expectOnce(reader: Reader): void {
  expect(reader.applied).toEqual(theLog);
  expect(reader.state.chain).toBe(trueChain);
  expect(reader.conflicts).toBe(0);
  // What came and was not applied was a duplicate: nothing else was made of it.
  expect(reader.duplicates).toBe(reader.delivered - length);
}

test('each event twice in a row', () => {
  const reader = new Reader();
  for (let at = 0; at < length; at += 50) reader.take(theLog.slice(at, at + 50).flatMap((one) => [one, one]));
  expectOnce(reader);
  recordGateFacts({ events: reader.delivered });
});

test.each([11, 12, 13])('each event three times, out of order within a window (seed %d)', (seed) => {
  const pick = chance(seed);
  const reader = new Reader();
  for (let at = 0; at < length; at += 20) {
    const window = theLog.slice(at, at + 20);
    reader.take(shuffled([...window, ...window, ...window], pick));
  }
  expectOnce(reader);
  recordGateFacts({ events: reader.delivered });
});

test('the whole log again, after a restart', () => {
  const reader = new Reader();
  for (let at = 0; at < length; at += 100) reader.take(theLog.slice(at, at + 100));
  reader.restart();
  for (let at = 0; at < length; at += 100) reader.take(theLog.slice(at, at + 100));
  expectOnce(reader);
  expect(reader.duplicates).toBe(length);
  recordGateFacts({ events: reader.delivered });
});

test.each([14, 15])('old events between the new ones, as from two lanes at once (seed %d)', (seed) => {
  const pick = chance(seed);
  const reader = new Reader();
  for (let at = 0; at < length; at += 10) {
    const old = Array.from({ length: 15 }, () => theLog[pick(at + 1)]).filter((one) => one !== undefined);
    reader.take(shuffled([...old.filter(({ seq }) => seq <= at), ...theLog.slice(at, at + 10)], pick));
  }
  expectOnce(reader);
  expect(reader.duplicates).toBeGreaterThan(length);
  recordGateFacts({ events: reader.delivered });
});

test('a repeated sequence with other content is no duplicate: it is a conflict, and is not applied', () => {
  const reader = new Reader();
  reader.take(theLog.slice(0, 500));
  reader.take(Array.from({ length: 500 }, (_, index) => rival(index + 1)));
  expect(reader).toMatchObject({ conflicts: 500, duplicates: 0 });
  expect(reader.applied).toEqual(theLog.slice(0, 500));
  recordGateFacts({ events: reader.delivered });
});
