// The example of README.md, compiled and run; the last test compares the text of both.
import fs from 'node:fs';
import path from 'node:path';
import { applyBatch, initialState, type ReorderBuffer, type StreamState } from '@autopilot/apply-engine';
import { draftEvent, type SyncEvent } from '@autopilot/sync-contract';
import { expect, test } from '@jest/globals';

const stream_id = 'runtime.run.42.events';
const eventAt = (seq: bigint): SyncEvent => ({
  ...draftEvent({ stream_id, kind: 'item/completed', payload: { n: `${seq}` }, idempotency_key: `key-${seq}` }),
  epoch: 'epoch-1',
  seq,
  committed_at: 0n,
});

let state: StreamState = initialState(stream_id);
let held: ReorderBuffer = [];

// Event 2 is late: 1 is applied, 3 is held back.
const first = applyBatch(state, [eventAt(1n), eventAt(3n)], { held });
// Here a program commits first.applied and first.next in one transaction, then goes on from them.
({ next: state, held } = first);

// Event 2 comes: 2 and 3 are applied.
const second = applyBatch(state, [eventAt(2n)], { held });

test('the example does what the README says', () => {
  expect(first.applied).toEqual([eventAt(1n)]);
  expect(first.gap).toEqual({
    expected: 2n,
    received: 3n,
    cause: 'missing',
    rewind: { epoch: 'epoch-1', seq: 1n },
  });
  expect(second.applied).toEqual([eventAt(2n), eventAt(3n)]);
});

test('the example is the one of the README', () => {
  const folder = path.join(import.meta.dirname, '..');
  const source = fs.readFileSync(import.meta.filename, 'utf8');
  const example = fs.readFileSync(path.join(folder, 'README.md'), 'utf8').split('```ts\n')[1]?.split('```')[0] ?? '';
  const [imports = '', ...body] = example.split('\n\n');
  for (const line of imports.split('\n')) expect(source).toContain(line);
  expect(body.length).toBeGreaterThan(0);
  expect(source).toContain(body.join('\n\n'));
});
