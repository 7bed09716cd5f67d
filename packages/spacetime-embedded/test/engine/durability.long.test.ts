import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFrame } from '../../src/engine/frames.ts';
import type { OpenDatabaseOptions } from '../../src/engine/open-database-options.ts';
import { bundleFixture, bundleText } from '../support/bundle.ts';
import { childEnvironment } from '../support/child-environment.ts';
import { ann, DatabaseDriver } from './database-driver.ts';

let module: Uint8Array;
let directory: string;

beforeAll(async () => {
  module = await bundleFixture('everything.ts');
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'engine-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function open(options: Partial<OpenDatabaseOptions> = {}): Promise<DatabaseDriver> {
  return DatabaseDriver.open(module, { dataDir: directory, ...options });
}

function appending(dataDir: string, bundlePath: string): string[] {
  const child = new URL('./append-child.ts', import.meta.url).pathname;
  return ['--conditions=@autopilot/source', child, dataDir, bundlePath];
}

function files(ending: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(directory, name));
}

function lastSegment(): string {
  return files('.log').at(-1) ?? '';
}

function addItem(db: DatabaseDriver, code: string, tag = ''): void {
  const result = db.call('add_item', { id: 0n, code, owner: 'ann', rank: 0, tag });
  expect(result.outcome).toBe('committed');
}

function codes(db: DatabaseDriver): unknown[] {
  return db.values('item').map((row) => row[1]);
}

/** Moves time until everything that was committed is durable. */
async function sync(db: DatabaseDriver): Promise<void> {
  const target = db.commits.at(-1)?.offset ?? 0n;
  while (db.database.durableOffset < target) {
    db.ports.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a data directory', () => {
  test('E5, E7, E10: keeps rows, deletes, sequences and clients over a restart', async () => {
    const first = await open();
    addItem(first, 'a');
    addItem(first, 'b');
    addItem(first, 'c');
    first.call('delete_item', { id: 2n });
    first.call('update_item', { id: 3n, code: 'c', owner: 'bob', rank: 9, tag: '' });
    first.probe('event');
    first.database.connect({ identity: ann, connectionId: 'c1'.repeat(16), jwtPayload: '{"sub":"clingy"}' });
    const said = first.said();
    await first.database.close();

    const second = await open();
    expect(second.values('item')).toEqual([
      [1n, 'a', 'ann', 0, ''],
      [3n, 'c', 'bob', 9, ''],
    ]);
    expect(second.said()).toEqual(said);
    expect(second.said().filter((text) => text.startsWith('init'))).toHaveLength(1);
    // The client that was left got its disconnect, with its token: this one fails on purpose.
    expect(second.database.logs(1)[0]?.message).toContain('no goodbye');
    addItem(second, 'd');
    // Numbers go on behind the reserved block.
    expect(second.values('item').at(-1)?.[0]).toBe(4097n);
    await second.database.close();
  });

  test('E5: durable moves only after the sync, and reaches the last commit', async () => {
    const db = await open();
    const seen: bigint[] = [];
    db.database.onDurable((offset) => seen.push(offset));
    addItem(db, 'a');
    addItem(db, 'b');
    expect(db.database.durableOffset).toBe(0n);
    db.ports.advance(9);
    expect(db.database.durableOffset).toBe(0n);
    await sync(db);
    expect(db.database.durableOffset).toBe(db.commits.at(-1)?.offset);
    expect(seen).toEqual([db.commits.at(-1)?.offset]);
    await db.database.close();
  });

  test('E9: a time that passed while it was closed fires at once', async () => {
    const first = await open();
    const { ScheduleAt } = await import('spacetimedb');
    first.call('schedule', { at: ScheduleAt.time(BigInt(first.ports.clock.now()) * 1000n + 5n), label: 'late' });
    await first.database.close();
    const second = await open();
    second.ports.advance(1);
    expect(second.said().at(-1)).toContain('tick late');
    expect(second.values('timer')).toEqual([]);
    await second.database.close();
  });

  test('E11: cannot be opened twice, and is free after a close', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ code: 'data_dir_locked' });
    await first.database.close();
    await (await open()).database.close();
    expect(files('.tmp')).toEqual([]);
  });

  test('belongs to its owner and its database', async () => {
    await (await open()).database.close();
    await expect(open({ owner: '22'.repeat(32) })).rejects.toMatchObject({ code: 'owner_mismatch' });
    await expect(open({ databaseIdentity: '22'.repeat(32) })).rejects.toMatchObject({ code: 'owner_mismatch' });
    await (await open()).database.close();
  });

  test('E13: and all that is in it is for its user alone', async () => {
    const dataDir = join(directory, 'made', 'here');
    // Without a mask the modes are those that were asked for.
    const mask = process.umask(0);
    try {
      const db = await open({ dataDir, durability: { snapshotAfterBytes: 0 } });
      addItem(db, 'a');
      await db.database.close();
    } finally {
      process.umask(mask);
    }
    const modes = new Map(
      readdirSync(dataDir).map((name) => [name.replace(/\d+/, 'N'), statSync(join(dataDir, name)).mode & 0o777]),
    );
    expect(Object.fromEntries(modes)).toEqual({ 'N.log': 0o600, 'N.snapshot': 0o600, 'lock.N': 0o600 });
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'made')).mode & 0o777).toBe(0o700);
  });

  test('that is no directory is refused', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, 'x');
    await expect(open({ dataDir: path })).rejects.toMatchObject({ code: 'data_dir_unusable' });
  });

  test('is not created by a failing init', async () => {
    const source = (body: string): string => `import { schema, table, t } from 'spacetimedb/server';
      const row = table({}, { text: t.string() }); const s = schema({ row }); export default s;
      export const init = s.init((ctx) => { ${body} });`;
    const broken = await bundleText(source('throw new Error("no");'));
    await expect(DatabaseDriver.open(broken, { dataDir: directory })).rejects.toMatchObject({ code: 'init_failed' });
    expect(files('.log')).toEqual([]);
    const db = await DatabaseDriver.open(await bundleText(source('ctx.db.row.insert({ text: "made" });')), {
      dataDir: directory,
      owner: '22'.repeat(32),
    });
    expect(db.values('row')).toEqual([['made']]);
    await db.database.close();
  });
});

describe('another module', () => {
  const source = (columns: string, code: string): string => `import { schema, table, t } from 'spacetimedb/server';
    const row = table({}, { id: t.u32().primaryKey(), ${columns} }); const s = schema({ row }); export default s;
    export const add = s.reducer({ id: t.u32() }, (ctx, { id }) => void ctx.db.row.insert({ id, ${code} }));`;

  test('takes over when its tables look the same, and is refused when they do not', async () => {
    const dataDir = directory;
    const first = await DatabaseDriver.open(await bundleText(source('text: t.string()', "text: 'one'")), { dataDir });
    first.call('add', { id: 1 });
    await first.database.close();
    const second = await DatabaseDriver.open(await bundleText(source('text: t.string()', "text: 'two'")), { dataDir });
    second.call('add', { id: 2 });
    expect(second.values('row')).toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
    await second.database.close();
    const other = await bundleText(source('text: t.string(), more: t.u8()', "text: '', more: 1"));
    await expect(DatabaseDriver.open(other, { dataDir })).rejects.toMatchObject({
      code: 'module_invalid',
      message: expect.stringContaining('"row" has other columns'),
    });
  });
});

describe('damage', () => {
  test('E6: a torn tail is cut off, and everything before it is there', async () => {
    const db = await open();
    addItem(db, 'a');
    await sync(db);
    const before = statSync(lastSegment()).size;
    addItem(db, 'b');
    await sync(db);
    const whole = readFileSync(lastSegment());
    await db.database.close();
    // Here with the module and its reducers; log-bytes.test.ts goes through the bytes.
    for (const cut of [before, before + 30, whole.length - 1]) {
      writeFileSync(lastSegment(), whole.subarray(0, cut));
      const again = await open();
      expect(codes(again)).toEqual(['a']);
      expect(statSync(lastSegment()).size).toBe(before);
      const aside = `${lastSegment()}.cut-${before}`;
      expect(existsSync(aside) ? readFileSync(aside) : Buffer.alloc(0)).toEqual(whole.subarray(before, cut));
      if (cut > before) expect(again.database.logs(1)[0]?.message).toContain(`from byte ${before} on`);
      addItem(again, 'c');
      await again.database.close();
      const last = await open();
      expect(codes(last)).toEqual(['a', 'c']);
      await last.database.close();
    }
  });

  test('E6: a tail of garbage is cut off', async () => {
    const db = await open();
    addItem(db, 'a');
    await sync(db);
    const whole = readFileSync(lastSegment());
    await db.database.close();
    writeFileSync(lastSegment(), Buffer.concat([whole, Buffer.alloc(5000, 0xa7)]));
    const again = await open();
    expect(codes(again)).toEqual(['a']);
    await again.database.close();
  });

  test('E6: a changed byte of what was durable is log_corrupt, wherever it is, and nothing is changed', async () => {
    const db = await open();
    addItem(db, 'a');
    await sync(db);
    const before = statSync(lastSegment()).size;
    addItem(db, 'b');
    await db.database.close();
    const path = lastSegment();
    const whole = readFileSync(path);
    for (const at of [0, 9, whole.length >> 1, before + 25]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      await expect(open()).rejects.toMatchObject({ code: 'log_corrupt' });
      expect(readFileSync(path).equals(damaged)).toBe(true);
    }
    writeFileSync(path, whole);
    const again = await open();
    expect(codes(again)).toEqual(['a', 'b']);
    await again.database.close();
  });
});

describe('salvage', () => {
  test('E6: goes on with what stands before the damage, and sets the rest aside with its place', async () => {
    const db = await open();
    for (const code of ['a', 'b', 'c']) {
      addItem(db, code);
      await sync(db);
    }
    await db.database.close();
    const path = lastSegment();
    const whole = readFileSync(path);
    for (const at of [whole.length >> 1, whole.length - 500, whole.length - 300, whole.length - 100]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      await expect(open()).rejects.toMatchObject({ code: 'log_corrupt' });
      const again = await open({ durability: { salvage: true } });
      expect(['a,b,c', 'a,b', 'a', '']).toContain(codes(again).join());
      const [aside = ''] = files(`.cut-${statSync(path).size}`);
      expect(Buffer.concat([readFileSync(path).subarray(0, statSync(path).size), readFileSync(aside)])).toEqual(
        damaged,
      );
      expect(again.database.logs(1)[0]?.message).toContain(aside);
      await again.database.close();
      rmSync(aside);
    }
  });
});

describe('snapshots', () => {
  const small = { durability: { syncDelayMs: 10, snapshotAfterBytes: 3_000 } };

  async function fill(): Promise<unknown[]> {
    const db = await open(small);
    for (let round = 0; round < 12; round += 1) {
      addItem(db, `code-${round}`, 'y'.repeat(1_000));
      if (round % 3 === 2) db.call('delete_item', { id: BigInt(round) });
      await sync(db);
    }
    const values = db.values('item');
    await db.database.close();
    return values;
  }

  test('E5: replace the log before them', async () => {
    const values = await fill();
    expect(files('.snapshot')).toHaveLength(1);
    const size = files('.log').reduce((sum, path) => sum + statSync(path).size, 0);
    expect(size).toBeLessThan(3_000);
    const again = await open(small);
    expect(again.values('item')).toEqual(values);
    addItem(again, 'new');
    expect(again.values('item').at(-1)?.[0]).toBe(4097n);
    await again.database.close();
  });

  test('E6: that are damaged or lost are log_corrupt', async () => {
    await fill();
    const [path = ''] = files('.snapshot');
    const whole = readFileSync(path);
    for (const at of [3, 30, whole.length >> 1, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(path, damaged);
      await expect(open()).rejects.toMatchObject({ code: 'log_corrupt' });
    }
    const head = readFrame(whole, 0)?.end ?? 0;
    const rows = readFrame(whole, head)?.end ?? 0;
    writeFileSync(path, Buffer.concat([whole.subarray(0, head), whole.subarray(rows)]));
    await expect(open()).rejects.toMatchObject({
      code: 'log_corrupt',
      message: expect.stringContaining('rows are missing'),
    });
    truncateSync(path, whole.length - 30);
    await expect(open()).rejects.toMatchObject({ code: 'log_corrupt' });
    rmSync(path);
    await expect(open()).rejects.toMatchObject({ code: 'log_corrupt' });
    writeFileSync(path, whole);
    writeFileSync(`${path}.tmp`, 'left by a crash');
    await (await open()).database.close();
    expect(files('.tmp')).toEqual([]);
  });
});

test('E12: when the log cannot be written, nothing is accepted any more, and nothing more is called durable', async () => {
  const db = await open({ durability: { syncDelayMs: 10, snapshotAfterBytes: 100 } });
  addItem(db, 'a');
  // The next segment cannot be made without its directory.
  rmSync(directory, { recursive: true, force: true });
  await sync(db);
  const { durableOffset } = db.database;
  addItem(db, 'b');
  await sync(db);
  while (db.database.failure === undefined) await new Promise((resolve) => setImmediate(resolve));
  expect(db.database.failure).toMatchObject({ code: 'data_dir_unusable' });
  expect(() => db.call('probe', { what: 'log' })).toThrow(expect.objectContaining({ code: 'data_dir_unusable' }));
  const caller = { identity: ann, connectionId: undefined };
  await expect(db.database.callProcedure('totals', new Uint8Array(4), caller)).rejects.toMatchObject({
    code: 'data_dir_unusable',
  });
  expect(db.database.durableOffset).toBeGreaterThanOrEqual(durableOffset);
  await expect(db.database.close()).rejects.toMatchObject({ code: 'data_dir_unusable' });
});

test.each([
  ['the log', 24],
  ['a snapshot', 60],
])(
  'E12, E5: a disk that is full while %s is written: calls are refused, and what was durable is there',
  async (_, kib) => {
    const bundlePath = join(directory, 'module.js');
    const dataDir = join(directory, 'data');
    writeFileSync(bundlePath, module);
    // A limit of the size of files (in blocks of 512 bytes) ends a write in its middle, as a full disk does.
    const child = spawn(
      'sh',
      ['-c', `ulimit -f ${kib * 2}; exec "$0" "$@"`, process.execPath, ...appending(dataDir, bundlePath)],
      { stdio: ['ignore', 'pipe', 'inherit'], env: childEnvironment },
    );
    const exited = once(child, 'exit');
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) lines.push(line);
    expect(await exited).toEqual([3, null]);
    const refused = /^refused (\S+) after (\d+)$/.exec(lines.pop() ?? '');
    expect(refused?.[1]).toBe('data_dir_unusable');
    const durable = Number(lines.at(-1));
    const db = await open({ dataDir });
    const ranks = db.values('item').map((row) => row[3] as number);
    expect(ranks.toSorted((one, other) => one - other)).toEqual(Array.from(ranks, (_row, index) => index));
    expect(ranks.length).toBeGreaterThan(durable);
    expect(ranks.length).toBeLessThanOrEqual(Number(refused?.[2]));
    await db.database.close();
  },
);

test('E5, E10: after SIGKILL everything that was reported durable is there, and no number is missing', async () => {
  const bundlePath = join(directory, 'module.js');
  const dataDir = join(directory, 'data');
  writeFileSync(bundlePath, module);
  let durable = -1;
  const child = spawn(process.execPath, appending(dataDir, bundlePath), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnvironment,
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    durable = Number(line);
    if (durable > 300 && !child.killed) child.kill('SIGKILL');
  }
  await exited;
  expect(child.signalCode).toBe('SIGKILL');
  const db = await open({ dataDir });
  const ranks = db
    .values('item')
    .map((row) => row[3] as number)
    .sort((a, b) => a - b);
  expect(ranks).toEqual(Array.from(ranks, (_, index) => index));
  expect(ranks.length).toBeGreaterThan(durable);
  // The client that was connected when the process died has had its disconnect.
  expect(db.values('visit')).toEqual([]);
  await db.database.close();
});
