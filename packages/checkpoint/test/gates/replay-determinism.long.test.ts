// The gate: a stream that is read on after its process was killed, or after its file was lost, ends at the same chain.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordGateFacts } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import { open, streamId, withFolder } from '../support.ts';
import { chainAt, length, nextPart } from './the-log.ts';

const script = fileURLToPath(new URL('./replay-child.ts', import.meta.url));

/** Reads in a process of its own; kills it once it has reported `killAt`. Gives what it reported last. */
async function readInChild(file: string, step: number, killAt: number): Promise<{ reported: number; killed: boolean }> {
  const child = spawn(process.execPath, ['--conditions=@autopilot/source', script, file, `${step}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let text = '';
  const reported = () => Number(text.split('\n').at(-2) ?? 0);
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (reported() >= killAt) child.kill('SIGKILL');
  });
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal === null && code !== 0) throw new Error(`The reader ended with ${code}.`);
  return { reported: reported(), killed: signal === 'SIGKILL' };
}

async function expectTheLog(file: string): Promise<void> {
  const store = await open(file);
  expect(store.load(streamId)).toMatchObject({ seq: BigInt(length), chain: chainAt(length) });
  expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: length });
  // One effect per event: none was made twice by what was read again.
  expect(store.counts().unsettled_effects).toBe(length);
  await store.close();
}

test('a process that reads without a break ends at the chain of the log', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    expect(await readInChild(file, 50, Number.POSITIVE_INFINITY)).toEqual({ reported: length, killed: false });
    await expectTheLog(file);
    recordGateFacts({ events: length });
  });
}, 60_000);

// Four processes, which take their time to start on a busy machine.
test('a process that is killed again and again, anywhere, loses and repeats nothing', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    let kills = 0;
    for (const killAt of [40, 500, 1000]) {
      const { reported, killed } = await readInChild(file, 7, killAt);
      expect(reported).toBeGreaterThanOrEqual(killAt);
      kills += killed ? 1 : 0;
      const store = await open(file);
      const stored = store.load(streamId);
      expect(Number(stored?.seq)).toBeGreaterThanOrEqual(reported);
      expect(stored?.chain).toBe(chainAt(Number(stored?.seq)));
      await store.close();
    }
    expect(kills).toBeGreaterThanOrEqual(2);
    await readInChild(file, 7, Number.POSITIVE_INFINITY);
    await expectTheLog(file);
    recordGateFacts({ events: length });
  });
}, 60_000);

test('a store that is closed and opened for every part ends at the chain of the log', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    for (let part = 0; part * 100 < length; part += 1) {
      const store = await open(file);
      const change = nextPart(store, 100);
      if (change !== undefined) store.commit([change]);
      await store.close();
    }
    await expectTheLog(file);
    recordGateFacts({ events: length });
  });
});

test('a file that is damaged goes back to its previous generation and is read on from there', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    const store = await open(file);
    const commit = (count: number) => {
      const part = nextPart(store, count);
      if (part !== undefined) store.commit([part]);
    };
    commit(500);
    await store.backup();
    commit(500);
    await store.close();
    fs.writeFileSync(file, 'not a database any more');
    const restored = await open(file);
    expect(restored.recovered).toMatchObject({ restored_from: 'previous' });
    expect(restored.load(streamId)).toMatchObject({ seq: 500n, chain: chainAt(500) });
    for (let part = nextPart(restored, 500); part !== undefined; part = nextPart(restored, 500))
      restored.commit([part]);
    await restored.close();
    await expectTheLog(file);
    recordGateFacts({ events: length + 500 });
  });
});
