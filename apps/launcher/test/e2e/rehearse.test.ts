import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';

// The rehearsal itself is a step of its own in `.ci/run`, after the gates whose receipts it submits: it wants the machine.

jest.setTimeout(60_000);

const main = path.join(import.meta.dirname, '..', '..', 'src', 'rehearse', 'main.ts');

test('a mistake on the command line is one line and code 2', async () => {
  const node = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', main];
  const child = spawn(process.execPath, [...node, '--desktops', 'some'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += String(data);
  });
  child.stderr.on('data', (data) => {
    stderr += String(data);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('--desktops');
  expect(stderr).not.toMatch(/^\s+at /m);
});
