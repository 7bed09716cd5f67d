import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { codeOf, open, withFolder } from './support.ts';

/** A child that commits in a loop, and what it has reported so far. */
function startChild(file: string): {
  child: ChildProcess;
  reported: () => string;
  lines: (count: number) => Promise<void>;
} {
  const script = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@autopilot/source', script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const lines = async (count: number) => {
    while (text.split('\n').length <= count) await once(child.stdout, 'data');
  };
  return { child, reported: () => text, lines };
}

/** The last whole line of each stream. */
function lastReports(text: string): Map<string, { seq: bigint; chain: string }> {
  const reports = new Map<string, { seq: bigint; chain: string }>();
  for (const line of text.split('\n').slice(0, -1)) {
    const [stream = '', seq = '', chain = ''] = line.split(' ');
    reports.set(stream, { seq: BigInt(seq), chain });
  }
  return reports;
}

describe('a process that is killed', () => {
  // Two processes, which take their time to start on a busy machine.
  test('I9 I10 loses nothing that it reported, leaves every stream consistent, and frees the lock', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      for (const count of [4, 60]) {
        const { child, reported, lines } = startChild(file);
        const ended = once(child, 'close');
        await lines(count);
        expect(await codeOf(() => open(file))).toBe('locked');
        child.kill('SIGKILL');
        await ended;
        const store = await open(file);
        expect(store.recovered).toBeUndefined();
        const reports = lastReports(reported());
        expect(reports.size).toBeGreaterThanOrEqual(2);
        for (const [stream, report] of reports) {
          const stored = store.load(stream);
          expect(stored?.seq).toBeGreaterThanOrEqual(report.seq);
          if (stored?.seq === report.seq) expect(stored.chain).toBe(report.chain);
          // Recomputes the chain over the event rows: rows, watermark and chain agree, none is missing.
          expect(store.verify(stream)).toEqual({ outcome: 'consistent', events: Number(stored?.seq) });
        }
        await store.close();
      }
    });
  }, 60_000);

  test('I10 one process cannot open a file twice, and can when the first store is closed', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      const store = await open(file);
      expect(await codeOf(() => open(file))).toBe('locked');
      expect(await codeOf(() => open(path.join(folder, '.', 'x', '..', 'sync.sqlite')))).toBe('locked');
      await store.close();
      await (await open(file)).close();
    });
  });
});
