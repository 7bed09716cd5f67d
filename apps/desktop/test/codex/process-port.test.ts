import { expect, test } from '@jest/globals';
import { spawnSystemChild } from '../../src/codex/process-port.ts';

function run(script: string): Promise<{ readonly lines: readonly string[]; readonly reason: string }> {
  return new Promise((resolve) => {
    const lines: string[] = [];
    const request = { command: process.execPath, args: ['-e', script], cwd: '/', env: {} };
    spawnSystemChild(request, { line: (text) => lines.push(text), ended: (reason) => resolve({ lines, reason }) });
  });
}

test('tells how a child ended and what it wrote last, without the colours of a terminal', async () => {
  const script = `console.log('one'); process.stdout.write('two'); console.error('\\x1b[31mERROR\\x1b[0m no home'); process.exit(3)`;
  expect(await run(script)).toEqual({ lines: ['one', 'two'], reason: 'exit code 3; it last wrote: ERROR no home' });
  expect(await run(`process.kill(process.pid, 'SIGKILL')`)).toEqual({ lines: [], reason: 'signal SIGKILL' });
});

test('a program that cannot be started has ended with the reason', async () => {
  const reason = await new Promise<string>((ended) => {
    spawnSystemChild({ command: '/missing/codex', args: [], cwd: '/', env: {} }, { line: () => {}, ended });
  });
  expect(reason).toContain('ENOENT');
});
