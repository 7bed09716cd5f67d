import { waitFor } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import { runToEnd } from '../../src/rehearse/run-to-end.ts';
import { isAlive } from '../e2e/command.ts';

function run(script: string, signal: AbortSignal, graceMs?: number) {
  const lines: string[] = [];
  const options = { command: 'sh', args: ['-c', script], cwd: '/', line: (text: string) => lines.push(text), signal };
  return { lines, ended: runToEnd(graceMs === undefined ? options : { ...options, graceMs }) };
}

test('says the lines of both outputs, and resolves at the end, whatever it is', async () => {
  const { lines, ended } = run('echo one; echo; echo two >&2; exit 3', new AbortController().signal);
  await ended;
  expect([...lines].sort()).toEqual(['one', 'two']);
});

test.each([
  ['asked to end', 'sleep 600 & echo $!; wait', undefined],
  ['that does not want to end', 'trap "" TERM; (trap "" TERM; while :; do sleep 0.1; done) & echo $!; wait', 100],
])('an abort ends a program %s with what it has started', async (_how, script, graceMs) => {
  const controller = new AbortController();
  const { lines, ended } = run(script, controller.signal, graceMs);
  const gone = expect(ended).rejects.toThrow('no longer wanted');
  await waitFor(() => lines.length > 0, { describe: 'the grandchild', timeoutMs: 5_000 });
  const grandchild = Number(lines[0]);
  expect(isAlive(grandchild)).toBe(true);
  controller.abort(new Error('no longer wanted'));
  try {
    await waitFor(() => !isAlive(grandchild), { describe: 'the end of the grandchild', timeoutMs: 4_000 });
    await gone;
  } finally {
    if (isAlive(grandchild)) process.kill(grandchild, 'SIGKILL');
  }
});

test('what is aborted before is not started, and what cannot be started is told', async () => {
  const { lines, ended } = run('echo started', AbortSignal.abort(new Error('too late')));
  await expect(ended).rejects.toThrow('too late');
  expect(lines).toEqual([]);
  const { signal } = new AbortController();
  const missing = runToEnd({ command: '/no/such/program', args: [], cwd: '/', line: () => {}, signal });
  await expect(missing).rejects.toThrow('ENOENT');
});
