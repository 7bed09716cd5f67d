import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { signKhalaToken, waitFor } from '../../src/index.ts';
import { call, closeClients, connect } from './raw-client.ts';

const main = path.join(import.meta.dirname, '../../src/khala-main.ts');
let folder: string;
const children: ChildProcess[] = [];

const refusals: [string[], string][] = [
  [['--listen', 'x'], '--listen must be HOST:PORT'],
  [['--secret-file', 'nowhere'], 'cannot be read (ENOENT)'],
  [['--else'], 'Usage: khala-main.ts'],
];
const refused = new Map<string, ReturnType<typeof start>>();

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'khala-'));
  // All at once: to start takes a process longer than everything else here.
  for (const [args, message] of refusals) refused.set(message, start(...args));
});
afterAll(() => {
  closeClients();
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function start(...args: string[]) {
  const child = spawn(process.execPath, ['--conditions=@autopilot/source', main, ...args]);
  children.push(child);
  const texts = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    texts.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    texts.err += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, texts, ended };
}

describe('khala as a process', () => {
  test('says when it is ready, serves with the secret of the file, and ends on SIGTERM', async () => {
    const file = path.join(folder, 'secret');
    writeFileSync(file, 'of-the-file\n');
    const { child, texts, ended } = start('--listen', '127.0.0.1:0', '--secret-file', file, '--ready-json');
    await waitFor(() => texts.out.endsWith('\n'), { describe: () => `ready; stderr: ${texts.err}`, timeoutMs: 15_000 });
    const { ready, url } = JSON.parse(texts.out) as { ready: string; url: string };
    expect(ready).toBe('khala');
    const { data } = (await call('POST', `${url}/api/khala/token`, {})).body as { data: { token: string } };
    const [head = '', claims = ''] = data.token.split('.');
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
    expect(signKhalaToken(decode(head), decode(claims), 'of-the-file')).toBe(data.token);
    const client = await connect(`${url.replace('http', 'ws')}/sync/socket/websocket?vsn=2.0.0&token=${data.token}`);
    expect((await client.join()).status).toBe('ok');
    expect((await call('POST', `${url}/__fixture/faults`, { fault: 'x' })).status).toBe(400);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 20_000);

  test.each(refusals)(
    'refuses %j',
    async (args, message) => {
      const { texts, ended } = refused.get(message) ?? start(...args);
      expect(await ended).toBe(2);
      expect(texts.err).toContain(message);
      expect(texts.out).toBe('');
    },
    20_000,
  );
});
