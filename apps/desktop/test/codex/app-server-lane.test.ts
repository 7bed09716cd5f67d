import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Journal, openJournal } from '../../src/codex/journal.ts';
import type { CodexLane } from '../../src/codex/lane-status.ts';
import { type CodexLaneOptions, startCodexLane } from '../../src/codex/start-codex-lane.ts';
import { type Script, scriptedSpawn } from './scripted-child.ts';

let ports: ManualPorts;
let journal: Journal;
let lane: CodexLane | undefined;

beforeEach(() => {
  ports = manualPorts();
  journal = openJournal({ file: ':memory:', clock: ports.clock });
});
afterEach(async () => {
  await lane?.stop();
  lane = undefined;
  journal.close();
});

const obliging: Script = ({ id, method }, child) => {
  if (id === undefined || method === undefined) return;
  if (method === 'thread/start') child.send({ id, result: { thread: { id: 't1' } } });
  else child.send({ id, result: {} });
};

const command = { threadId: 't1', kind: 'command', command: 'ls', reason: null };

async function start(script: Script, options: Partial<CodexLaneOptions> = {}) {
  const scripted = scriptedSpawn(script);
  lane = startCodexLane({
    journal,
    ports,
    feed: 'codex',
    prompt: 'hello',
    workDir: '/srv/demo/project',
    codexBin: process.execPath,
    spawn: scripted.spawn,
    requestTimeoutMs: 1000,
    maxRestarts: 2,
    ...options,
  });
  await ports.advanceAsync(0);
  return { lane, children: scripted.children };
}

const methods = () => journal.readAfter(0n, 1000).map((entry) => `${entry.direction} ${entry.method}`);
const states = () =>
  journal
    .readAfter(0n, 1000)
    .filter((entry) => entry.direction === 'lane')
    .map((entry) => JSON.parse(entry.body).state);

describe('app-server lane', () => {
  test('L1 starts a thread in the sandbox, starts the turn, and journals both directions in order', async () => {
    const { lane, children } = await start(obliging);
    expect(lane.status()).toMatchObject({ feed: 'codex', state: 'ready', finished: false, messages: 7 });
    expect(children[0]?.received.map(({ id, method }) => [id, method])).toEqual([
      [1, 'initialize'],
      [undefined, 'initialized'],
      [2, 'thread/start'],
      [3, 'turn/start'],
    ]);
    const sandboxed = { cwd: '/srv/demo/project', approvalPolicy: 'untrusted', sandbox: 'workspace-write' };
    expect(children[0]?.received[2]?.params).toEqual(sandboxed);
    expect(methods()).toEqual([
      'lane lane/status',
      'to-server initialize',
      'from-server initialize',
      'to-server initialized',
      'to-server thread/start',
      'from-server thread/start',
      'lane lane/status',
      'to-server turn/start',
      'from-server turn/start',
    ]);
    const turn = journal.readAfter(7n, 2);
    expect(turn.map(({ thread_id, command_seq }) => ({ thread_id, command_seq }))).toEqual([
      { thread_id: 't1', command_seq: 3 },
      { thread_id: 't1', command_seq: 3 },
    ]);
    children[0]?.send({ method: 'turn/completed', params: { threadId: 'another' } });
    expect(lane.status().finished).toBe(false);
    const params = { threadId: 't1', turn: { status: 'completed' } };
    children[0]?.send({ method: 'turn/completed', params });
    expect(lane.status()).toMatchObject({ finished: true, completed: 1 });
    expect(ports.pending).toBe(0);
  });

  test('L2 declines an approval by default, visibly; the id 0 is an id', async () => {
    const { lane, children } = await start(obliging);
    children[0]?.send({ id: 0, method: 'item/commandExecution/requestApproval', params: command });
    await ports.advanceAsync(0);
    expect(children[0]?.received.at(-1)).toEqual({ id: 0, result: { decision: 'decline' } });
    expect(lane.status()).toMatchObject({ approvals: { accepted: 0, declined: 1 }, notes: ['Declined: ls'] });
    const answer = journal.readAfter(0n, 1000).at(-1);
    expect(answer).toMatchObject({
      direction: 'to-server',
      method: 'item/commandExecution/requestApproval',
      thread_id: 't1',
      command_seq: null,
    });
  });

  test('L2 accepts single commands where the user said so, but nothing that leaves the sandbox', async () => {
    const { lane, children } = await start(obliging, { approve: 'accept' });
    const ask = async (id: number, method: string, params: object) => {
      children[0]?.send({ id, method, params });
      await ports.advanceAsync(0);
      return children[0]?.received.at(-1);
    };
    const run = 'item/commandExecution/requestApproval';
    const accept = { result: { decision: 'accept' } };
    const decline = { result: { decision: 'decline' } };
    expect(await ask(0, run, command)).toEqual({ id: 0, ...accept });
    expect(await ask(1, 'item/fileChange/requestApproval', { threadId: 't1' })).toEqual({ id: 1, ...accept });
    expect(await ask(2, run, { ...command, reason: 'needs the network' })).toEqual({ id: 2, ...decline });
    expect(await ask(3, run, { ...command, networkApprovalContext: { host: 'x' } })).toEqual({ id: 3, ...decline });
    expect(await ask(4, run, { ...command, kind: 'stdin' })).toEqual({ id: 4, ...decline });
    const root = { threadId: 't1', grantRoot: '/' };
    expect(await ask(5, 'item/fileChange/requestApproval', root)).toEqual({ id: 5, ...decline });
    const refused = ['item/permissions/requestApproval', 'execCommandApproval', 'applyPatchApproval', 'item/tool/call'];
    for (const [index, method] of refused.entries()) {
      expect(await ask(6 + index, method, command)).toMatchObject({ id: 6 + index, error: { code: -32601 } });
    }
    expect(lane.status().approvals).toEqual({ accepted: 2, declined: 8 });
  });

  test('L2 a policy that throws has not consented', async () => {
    const { children } = await start(obliging, { approve: () => Promise.reject(new Error('no window')) });
    children[0]?.send({ id: 0, method: 'item/commandExecution/requestApproval', params: command });
    await ports.advanceAsync(0);
    expect(children[0]?.received.at(-1)).toEqual({ id: 0, result: { decision: 'decline' } });
  });

  test('L3 a request without an answer times out, and the lane says which', async () => {
    const { lane, children } = await start((message, child) => {
      if (message.method !== 'thread/start') obliging(message, child);
    });
    await ports.advanceAsync(999);
    expect(lane.status().state).toBe('starting');
    await ports.advanceAsync(1);
    expect(lane.status()).toMatchObject({ state: 'error', error: { code: 'request_timeout' } });
    expect(lane.status().error?.message).toContain('thread/start');
    expect(children).toHaveLength(1);
  });

  test('a refused request ends in an error with what Codex said', async () => {
    const { lane } = await start(({ id, method }, child) => {
      if (id !== undefined && method === 'initialize') child.send({ id, error: { code: -1, message: 'too old' } });
    });
    expect(lane.status()).toMatchObject({ state: 'error', error: { code: 'request_refused' } });
    expect(lane.status().error?.message).toContain('too old');
  });

  test('L4 restarts after a crash, resumes the thread, and does not run the turn twice', async () => {
    const { lane, children } = await start(obliging);
    children[0]?.end('signal SIGSEGV');
    expect(lane.status()).toMatchObject({ state: 'disconnected', error: { code: 'server_gone' } });
    await ports.advanceAsync(249);
    expect(children).toHaveLength(1);
    await ports.advanceAsync(10_000);
    expect(children).toHaveLength(2);
    expect(lane.status()).toMatchObject({
      state: 'ready',
      finished: true,
      completed: 0,
      error: { code: 'turn_failed' },
    });
    expect(lane.status().error?.message).toContain('in the middle of the turn');
    expect(children[1]?.received.map((message) => message.method)).toEqual([
      'initialize',
      'initialized',
      'thread/resume',
    ]);
    const boots = new Set(journal.readAfter(0n, 1000).map((entry) => entry.boot_id));
    expect(boots.size).toBe(3);
    expect(states()).toEqual(['starting', 'ready', 'disconnected', 'starting', 'ready']);
  });

  test.each([
    ['completed', null, undefined],
    ['failed', { message: '401 Unauthorized' }, 'failed: 401 Unauthorized'],
    ['interrupted', null, 'interrupted: no reason given'],
  ])('L4 what became of a turn that was %s outlives a crash', async (status, error, told) => {
    const { lane, children } = await start(obliging);
    const outcome = () => ({ completed: lane.status().completed, error: lane.status().error?.message });
    children[0]?.send({ method: 'turn/completed', params: { threadId: 'other', turn: { status, error } } });
    expect(lane.status().finished).toBe(false);
    children[0]?.send({ method: 'turn/completed', params: { threadId: 't1', turn: { status, error } } });
    const wanted = {
      completed: told === undefined ? 1 : 0,
      error: told === undefined ? undefined : `Codex ended the turn as ${told}`,
    };
    expect(outcome()).toEqual(wanted);
    children[0]?.end('signal SIGKILL');
    expect(lane.status().error?.code).toBe('server_gone');
    await ports.advanceAsync(10_000);
    expect(lane.status()).toMatchObject({ state: 'ready', finished: true });
    expect(outcome()).toEqual(wanted);
  });

  test('a retry of Codex is told', async () => {
    const { lane, children } = await start(obliging);
    const error = { message: 'stream disconnected' };
    children[0]?.send({ method: 'error', params: { threadId: 't1', willRetry: true, error } });
    expect(lane.status()).toMatchObject({ state: 'ready', notes: ['Codex tries again: stream disconnected'] });
  });

  test('L4 gives up after the allowed restarts', async () => {
    const { lane, children } = await start((_message, child) => child.end('exit code 1: no'));
    await ports.advanceAsync(60_000);
    expect(children).toHaveLength(3);
    expect(lane.status()).toMatchObject({ state: 'error', error: { code: 'restarts_exhausted' } });
    expect(ports.pending).toBe(0);
  });

  test('L1 a line that is no message ends the server instead of being skipped', async () => {
    const { lane, children } = await start(obliging);
    children[0]?.sendText('thread panicked at src/main.rs');
    expect(lane.status()).toMatchObject({ state: 'disconnected', error: { code: 'server_gone' } });
    expect(children[0]?.killed).toBe(true);
  });

  test('L1 a journal that cannot be written stops the lane before more happens unrecorded', async () => {
    const { lane, children } = await start(obliging);
    journal.close();
    children[0]?.send({ id: 0, method: 'item/commandExecution/requestApproval', params: command });
    await ports.advanceAsync(60_000);
    expect(lane.status()).toMatchObject({ state: 'error', error: { code: 'journal_unusable' } });
    expect(children).toHaveLength(1);
    expect(children[0]?.killed).toBe(true);
    expect(children[0]?.received.filter((message) => message.id === 0)).toEqual([]);
  });

  test('L5 stop ends the server and is final', async () => {
    const { lane, children } = await start(obliging);
    await lane.stop();
    await ports.advanceAsync(60_000);
    expect(lane.status().state).toBe('stopped');
    expect(children).toHaveLength(1);
    expect(ports.pending).toBe(0);
  });

  test('options that are missing are named before anything is started', () => {
    const options = { journal, ports, feed: 'codex', codexBin: process.execPath } as const;
    const code = (wanted: string) => expect.objectContaining({ code: wanted });
    expect(() => startCodexLane({ ...options, workDir: '/' })).toThrow(code('lane_options'));
    expect(() => startCodexLane({ ...options, prompt: 'x' })).toThrow(code('lane_options'));
    const named = { ...options, prompt: 'x', workDir: '/', codexBin: '/missing/codex' };
    expect(() => startCodexLane(named)).toThrow(code('codex_not_installed'));
    expect(journal.head()).toBe(0n);
  });
});
