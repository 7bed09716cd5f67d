import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from '../../src/engine/frame-reader.ts';
import { encodeFrame, readFrame } from '../../src/engine/frames.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'frames-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Found {
  readonly durable: bigint;
  readonly payload: string;
  readonly end: number;
}

/** What the reader finds: the frames up to the first damaged place, that place, and the whole frames behind it. */
async function readAll(file: Buffer, atLeast: number): Promise<{ before: Found[]; at: number; behind: Found[] }> {
  const path = join(folder, 'file');
  writeFileSync(path, file);
  const reader = await FrameReader.open(path, atLeast);
  const found = (frame: { payload: Buffer; durable: bigint }) => ({
    durable: frame.durable,
    payload: frame.payload.toString('hex'),
    end: reader.at,
  });
  const before: Found[] = [];
  for (;;) {
    const frame = reader.take();
    if (frame !== undefined) before.push(found(frame));
    else if (!(await reader.more())) break;
  }
  const { at } = reader;
  const behind: Found[] = [];
  for (let frame = await reader.find(at + 1); frame !== undefined; frame = await reader.find(reader.at)) {
    behind.push(found(frame));
  }
  await reader.close();
  return { before, at, behind };
}

/** The same with the whole file in memory, byte by byte. */
function expected(file: Buffer): { before: Found[]; at: number; behind: Found[] } {
  const found = ({ payload, durable, end }: { payload: Buffer; durable: bigint; end: number }) => ({
    durable,
    payload: payload.toString('hex'),
    end,
  });
  const before: Found[] = [];
  let at = 0;
  for (let frame = readFrame(file, 0); frame !== undefined; frame = readFrame(file, at)) {
    before.push(found(frame));
    at = frame.end;
  }
  const behind: Found[] = [];
  for (let place = at + 1; place < file.length; ) {
    const frame = readFrame(file, place);
    if (frame !== undefined) behind.push(found(frame));
    place = frame?.end ?? place + 1;
  }
  return { before, at, behind };
}

test('E6: whatever is damaged, the frames before and behind it are found, a part of the file at a time', async () => {
  const frame = fc
    .tuple(fc.uint8Array({ maxLength: 120 }), fc.bigInt(0n, 9n))
    .map(([payload, durable]) => encodeFrame(payload, durable));
  const damage = fc.record({ at: fc.nat(2_000), byte: fc.nat(255), cut: fc.nat(40) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { maxLength: 12 }),
      fc.option(damage, { nil: undefined }),
      fc.integer({ min: 1, max: 200 }),
      async (frames, damaged, atLeast) => {
        let file = Buffer.concat(frames);
        if (damaged !== undefined && file.length > 0) {
          file[damaged.at % file.length] = damaged.byte;
          file = file.subarray(0, Math.max(0, file.length - damaged.cut));
        }
        expect(await readAll(file, atLeast)).toEqual(expected(file));
      },
    ),
    propertyRuns(300),
  );
}, 30_000);

test('E6: a frame that begins within the garbage of another is found', async () => {
  const good = encodeFrame(Buffer.from('good'), 7n);
  const torn = encodeFrame(Buffer.alloc(100, 1), 1n).subarray(0, 60);
  const file = Buffer.concat([good, torn, good, torn.subarray(0, 3), good]);
  const { before, at, behind } = await readAll(file, 1);
  expect([before.length, at, behind.map(({ durable }) => durable)]).toEqual([1, good.length, [7n, 7n]]);
});
