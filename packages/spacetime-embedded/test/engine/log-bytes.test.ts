import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CommittedState } from '../../src/engine/committed-state.ts';
import { readFrame } from '../../src/engine/frames.ts';
import { loadSchema } from '../../src/engine/load-schema.ts';
import type { ModuleSchema } from '../../src/engine/module-schema.ts';
import { openDiskLog, type SetAside } from '../../src/engine/open-log.ts';
import { bundleText } from '../support/bundle.ts';
import { DatabaseDriver, databaseIdentity, owner } from './database-driver.ts';

// What a log gives, byte by byte: without the module, which a start loads in addition.

const name = '00000000000000000000.log';
let root: string;
let schema: ModuleSchema;
/** A log of some commits, as a process leaves it that was killed. */
let whole: Buffer;
/** Where frames begin: the header of the segment, then one for each commit. */
const starts: number[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'log-bytes-'));
  const module = await bundleText(`import { schema, table, t } from 'spacetimedb/server';
    const row = table({}, { id: t.u32().primaryKey(), text: t.string() });
    const s = schema({ row }); export default s;
    export const add = s.reducer({ id: t.u32() }, (ctx, { id }) => ctx.db.row.insert({ id, text: 'é'.repeat(id) }) && undefined);`);
  ({ schema } = await loadSchema(module));
  const dataDir = join(root, 'origin');
  const db = await DatabaseDriver.open(module, { dataDir });
  for (let id = 0; id < 4; id += 1) {
    db.call('add', { id });
    while (db.database.durableOffset < (db.commits.at(-1)?.offset ?? 0n)) {
      db.ports.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const [file = ''] = readdirSync(dataDir).filter((entry) => entry.endsWith('.log'));
  whole = readFileSync(join(dataDir, file));
  expect(file).toBe(name);
  for (let at = 0; at < whole.length; at = readFrame(whole, at)?.end ?? whole.length) starts.push(at);
  await db.database.close();
});
afterAll(() => rmSync(root, { recursive: true }));

/** Opens a directory with these bytes as its log. */
async function opened(bytes: Uint8Array, salvage = false) {
  const directory = join(root, 'copy');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const path = join(directory, name);
  writeFileSync(path, bytes);
  const state = new CommittedState(schema, 1);
  const cuts: SetAside[] = [];
  const log = await openDiskLog(
    {
      directory,
      file: { identity: databaseIdentity, owner },
      scheduler: manualPorts().scheduler,
      syncDelayMs: 10,
      snapshotAfterBytes: 1 << 20,
      salvage,
      setAside: (cut) => cuts.push(cut),
      shape: schema.shape,
    },
    state,
  );
  const kept = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const aside = cuts.map(({ into }) => readFileSync(into));
  await log.close();
  return { offset: Number(state.offset), kept, aside, from: cuts.map(({ from }) => from) };
}

/** How many commits stand whole before a byte, and where the frame begins that it cuts. */
function before(at: number): { readonly commits: number; readonly from: number } {
  const frame = starts.findLastIndex((start) => start <= at);
  return { commits: Math.max(0, frame - 1), from: starts[frame] ?? 0 };
}

test('E5, E6: a log that ends at any byte gives every commit before it, and sets the rest aside with its place', async () => {
  expect(starts).toHaveLength(6);
  const last = starts.at(-1) ?? 0;
  for (let end = 1; end < whole.length; end += 1) {
    // The whole header of the last frame and much of the rest; of frames before it, which are alike, the ends and a few.
    const step = end < last ? 113 : end < last + 22 ? 1 : 7;
    if (end % step !== 0 && !starts.some((start) => Math.abs(start - end) < 2)) continue;
    const { offset, kept, aside, from } = await opened(whole.subarray(0, end));
    const cut = before(end);
    const isBetween = cut.from === end;
    expect([end, offset, from]).toEqual([end, cut.commits, isBetween ? [] : [cut.from]]);
    expect(Buffer.concat(aside).equals(whole.subarray(isBetween ? end : cut.from, end))).toBe(true);
    if (offset > 0) expect(kept.equals(whole.subarray(0, cut.from))).toBe(true);
  }
}, 60_000);

test('E6: a byte that is not what was written is never passed over: a refusal with its place, or salvage up to it', async () => {
  for (let at = 0; at < whole.length; at += 61) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x21;
    const { commits, from } = before(at);
    const isLast = from === starts.at(-1);
    if (isLast) expect((await opened(damaged)).offset).toBe(commits);
    else {
      await expect(opened(damaged)).rejects.toMatchObject({ code: 'log_corrupt', details: { at: from } });
      expect(readFileSync(join(root, 'copy', name)).equals(damaged)).toBe(true);
    }
    const salvaged = await opened(damaged, true);
    expect([at, salvaged.offset, salvaged.from]).toEqual([at, commits, [from]]);
    expect(Buffer.concat(salvaged.aside).equals(damaged.subarray(from))).toBe(true);
  }
}, 60_000);
