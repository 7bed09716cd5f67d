// The real Codex through real processes, when CODEX_BIN names one: about 400 MB that no default install brings along.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { type FakeModel, startFakeModel, waitFor } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { prepareCredentials } from '../../src/credentials.ts';
import { type DesktopState, readDesktopState } from '../../src/desktop-state.ts';
import { readAppended } from '../../src/host-streams.ts';
import { verify } from '../../src/verify.ts';
import { type Command, childrenOf, endLaunchers, isAlive, runLauncher } from './command.ts';

jest.setTimeout(120_000);

const codexBin = process.env.CODEX_BIN ?? '';
if (codexBin === '') process.stderr.write('SKIPPED: the live Codex feed, because CODEX_BIN names no program.\n');
const describeReal = codexBin === '' ? describe.skip : describe;
const freePorts = ['--control-port', '0', '--desktop-port', '0', '--spacetime-port', '0'];
const question = 'write a file, please';

afterEach(endLaunchers);

describe('npm start -- --feed codex without Codex', () => {
  test.each([
    ['no program', { CODEX_BIN: '/missing/codex' }, [], /Codex.*\n.*codex_not_installed: /],
    ['no folder', { CODEX_BIN: process.execPath }, ['--codex-dir', '/missing/folder'], /codex_dir_unusable: /],
  ])('starts nothing and says so: %s', async (_name, env, args, pattern) => {
    const dataDir = path.join(tmpdir(), `autopilot-no-codex-${process.pid}`);
    const given = ['--feed', 'codex', '--data-dir', dataDir, ...freePorts, ...args];
    const { code, stdout, stderr } = await runLauncher(given, { ...process.env, ...env }).ended;
    expect({ code, stdout, made: existsSync(dataDir) }).toEqual({ code: 1, stdout: '', made: false });
    expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(/starting |^\s+at /m);
  });
});

describeReal('npm start -- --feed codex', () => {
  let folder: string;
  let model: FakeModel;
  let command: Command;
  let page: string;

  beforeEach(async () => {
    // Codex refuses to set up its sandbox with a home below the temp dir.
    folder = mkdtempSync(path.join(homedir(), '.autopilot-codex-test-'));
    for (const name of ['.git', 'codex-home']) mkdirSync(path.join(folder, name));
    // As in a checkout of this repository: what stands above the data folder must not reach the agent.
    writeFileSync(path.join(folder, 'AGENTS.md'), 'instructions of another project\n');
    const deltas = ['I was ', 'not ', 'allowed ', 'to.'];
    const steps = [
      { type: 'command', command: 'echo hello > made.txt' } as const,
      { type: 'message', deltas } as const,
    ];
    model = await startFakeModel({ turns: [{ prompt: question, steps }] });
  });
  afterEach(async () => {
    await endLaunchers();
    await model.close();
    rmSync(folder, { recursive: true });
  });

  async function start(prompt: string): Promise<void> {
    const settings = [
      'model = "fake-model"\nmodel_provider = "fake"',
      '[features]\nplugins = false\napps = false',
      `[model_providers.fake]\nname = "fake"\nbase_url = "${model.url}"\nwire_api = "responses"`,
      'requires_openai_auth = false\nrequest_max_retries = 0\nstream_max_retries = 0',
    ];
    const home = path.join(folder, 'codex-home');
    writeFileSync(path.join(home, 'config.toml'), settings.join('\n'));
    const env = { PATH: process.env.PATH, HOME: folder, CODEX_HOME: home, CODEX_BIN: codexBin, OPENAI_API_KEY: 'none' };
    const args = ['--feed', 'codex', `--codex-prompt=${prompt}`, '--data-dir', path.join(folder, 'data')];
    command = runLauncher([...args, ...freePorts], env);
    const address = () => /health page\s+(\S+)/.exec(command.stdout())?.[1];
    await waitFor(() => address() !== undefined, { timeoutMs: 60_000, describe: () => command.stderr() });
    page = address() ?? '';
  }

  /** Waits for a state of the desktop. */
  async function seen(what: string, wanted: (state: DesktopState) => boolean): Promise<DesktopState> {
    let last: DesktopState | undefined;
    const look = async () => {
      last = await readDesktopState(page);
      return wanted(last);
    };
    const shown = () => `${what}; last: ${JSON.stringify(last?.feed?.notes)} ${last?.feed?.state}\n${command.stderr()}`;
    await waitFor(look, { timeoutMs: 40_000, everyMs: 20, describe: shown });
    return last as DesktopState;
  }

  const readBack = ({ feed, streams }: DesktopState) =>
    (feed?.chains ?? []).every(
      ({ stream_id, count }) => streams.find((one) => one.stream_id === stream_id)?.seq === count,
    );
  const over = (word: string) => (state: DesktopState) => state.feed?.state === word && readBack(state);

  /** Publisher, host and desktop stream by stream; Codex may still have a last word after the end of a turn. */
  async function expectEqual(): Promise<void> {
    const controlUrl = /control\s+(http\S+)/.exec(command.stdout())?.[1] ?? '';
    const lane = { controlUrl, credentials: prepareCredentials(path.join(folder, 'data')) };
    const compare = async () => {
      const state = await readDesktopState(page);
      const applied = state.streams.map(({ stream_id, seq, chain }) => ({ stream_id, count: seq, chain }));
      const published = state.feed?.chains ?? [];
      return { state, verdict: verify({ published, applied, appended: await readAppended(lane) }) };
    };
    const equal = async () => {
      const found = await compare();
      return found.state.feed?.pending === 0 && found.verdict.faults.length === 0 && found;
    };
    const faults = async () => `equal streams: ${(await compare()).verdict.faults.join('; ')}`;
    const { state, verdict } = await waitFor(equal, { timeoutMs: 15_000, everyMs: 50, describe: faults });
    expect(verdict.published).toBe(BigInt(state.feed?.published ?? 0));
    expect(state.totals).toMatchObject({ applied: Number(verdict.published), duplicates: 0, gaps: 0, conflicts: 0 });
  }

  const named = (pids: readonly number[], part: string) =>
    pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part)) ?? 0;
  const has = (pid: number, name: string) =>
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .some((entry) => entry.startsWith(`${name}=`));

  test('everything Codex did is applied in order; its crash is told and disturbs nobody; nothing is left', async () => {
    await start(question);
    const state = await seen('the end of the turn', over('done'));
    await expectEqual();
    expect(state.feed?.published).toBeGreaterThan(8);
    expect(state.feed).toMatchObject({ approvals: { accepted: 0, declined: 1 }, dead: 0, last_error: null });
    expect(state.feed?.notes).toEqual([expect.stringContaining('echo hello > made.txt')]);

    const runs = path.join(folder, 'data', 'desktop', 'codex-work');
    expect(readdirSync(runs)).toHaveLength(1);
    expect(readdirSync(path.join(runs, readdirSync(runs)[0] ?? ''))).toEqual([]);
    const asked = JSON.stringify(model.requests);
    expect(model.requests.map(({ status }) => status)).toEqual([200, 200]);
    expect(asked).toContain(question);
    expect(asked).not.toContain('instructions of another project');

    const parts = childrenOf(command.pid);
    const desktop = named(parts, 'apps/desktop/');
    for (const part of parts) {
      for (const name of ['CODEX_BIN', 'CODEX_HOME', 'OPENAI_API_KEY']) expect(has(part, name)).toBe(part === desktop);
    }

    const codex = named(childrenOf(desktop), 'app-server');
    process.kill(codex, 'SIGKILL');
    const crashed = await seen('the crash', (now) => now.feed?.state === 'agent disconnected');
    expect(crashed).toMatchObject({ connection: { state: 'live' }, alarms: [] });
    expect(crashed.feed?.last_error).toContain('SIGKILL');
    const again = await seen('the restart', (now) => over('done')(now) && now.feed?.notes.length === 2);
    expect(again.feed?.last_error).toBeNull();
    await expectEqual();
    expect(model.requests).toHaveLength(2);

    const left = [...parts, ...childrenOf(desktop)];
    expect(left).toHaveLength(4);
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(0);
    expect(left.filter(isAlive)).toEqual([]);
  });

  test('a turn that fails is not called done', async () => {
    await start('nobody has scripted this');
    const state = await seen('the end of the turn', over('turn failed'));
    expect(state.feed?.last_error).toMatch(/^turn_failed: .*No turn of the script/);
    await expectEqual();
  });
});
