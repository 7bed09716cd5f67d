import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { startPart } from '../src/part.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'autopilot-part-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(name: string, text: string): string {
  const file = path.join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  return file;
}

const options = { log: () => {}, readyWithinMs: 20_000, graceMs: 5000 };
const ready = `process.stdout.write('{"ready":"x","url":"http://127.0.0.1:1"}\\n');`;

describe('a part', () => {
  test('is ready when it says so, and ends when it is asked to', async () => {
    const entry = script('good', `process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000); ${ready}`);
    const part = await startPart({ name: 'good', entry, args: [] }, options);
    expect(part.ready.url).toBe('http://127.0.0.1:1');
    await part.stop();
    expect(await part.ended).toEqual({ code: 0, signal: null });
  });

  test('that ends before it is ready fails with its last line', async () => {
    const entry = script('bad', `process.stderr.write('port 1 is taken\\n'); process.exitCode = 1;`);
    await expect(startPart({ name: 'bad', entry, args: [] }, options)).rejects.toMatchObject({
      code: 'part_failed',
      message: 'bad ended with code 1: port 1 is taken',
    });
  });

  test('that ignores the request to end is killed', async () => {
    const entry = script('deaf', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); ${ready}`);
    const part = await startPart({ name: 'deaf', entry, args: [] }, { ...options, graceMs: 100 });
    await part.stop();
    expect(await part.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('ends by itself when the process that started it is killed', async () => {
    const child = script(
      'child',
      `process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);
      process.stdout.write(JSON.stringify({ ready: 'child', url: 'http://127.0.0.1/' + process.pid }) + '\\n');`,
    );
    const source = path.join(import.meta.dirname, '..', 'src', 'part.ts');
    const parent = script(
      'parent',
      `import { startPart } from ${JSON.stringify(source)};
      const part = await startPart({ name: 'child', entry: ${JSON.stringify(child)}, args: [] },
        { log: () => {}, readyWithinMs: 20000, graceMs: 1000 });
      process.stdout.write(JSON.stringify({ ready: 'parent', url: part.ready.url }) + '\\n');`,
    );
    const outer = await startPart({ name: 'parent', entry: parent, args: [] }, options);
    const grandchild = Number(new URL(outer.ready.url).pathname.slice(1));
    expect(isAlive(grandchild)).toBe(true);
    outer.kill();
    await outer.ended;
    while (isAlive(grandchild)) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
