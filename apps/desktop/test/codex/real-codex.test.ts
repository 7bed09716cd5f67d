// The real program, when CODEX_BIN names one: about 400 MB that no default install brings along.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { type FakeModel, startFakeModel, waitFor } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Journal, openJournal } from '../../src/codex/journal.ts';
import type { CodexLane } from '../../src/codex/lane-status.ts';
import { startCodexLane } from '../../src/codex/start-codex-lane.ts';
import { projectEntry } from '../../src/projection/project-entry.ts';

const codexBin = process.env.CODEX_BIN ?? '';
if (codexBin === '') process.stderr.write('Skipped: the real Codex, because CODEX_BIN names no program.\n');

const describeReal = codexBin === '' ? describe.skip : describe;

describeReal('the real Codex', () => {
  let folder: string;
  let model: FakeModel;
  let journal: Journal;
  let lane: CodexLane | undefined;

  beforeEach(async () => {
    // Codex refuses to set up its sandbox with a home below the temp dir.
    folder = mkdtempSync(path.join(homedir(), '.codex-lane-test-'));
    for (const name of ['project', 'codex-home']) mkdirSync(path.join(folder, name));
    journal = openJournal({ file: path.join(folder, 'journal.sqlite'), clock: systemPorts.clock });
    model = await startFakeModel({
      turns: [
        {
          prompt: 'write it',
          steps: [
            { type: 'command', command: 'echo hello > made.txt && cat made.txt' },
            { type: 'message', deltas: ['All ', 'done.'] },
          ],
        },
      ],
    });
  });
  afterEach(async () => {
    await lane?.stop();
    journal.close();
    await model.close();
    rmSync(folder, { recursive: true });
  });

  async function run(approve: 'accept' | 'decline'): Promise<CodexLane> {
    const provider = `{name="fake",base_url="${model.url}",wire_api="responses",requires_openai_auth=false,request_max_retries=0,stream_max_retries=0}`;
    const started = startCodexLane({
      journal,
      ports: systemPorts,
      feed: 'codex',
      prompt: 'write it',
      approve,
      workDir: path.join(folder, 'project'),
      codexBin,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder, CODEX_HOME: path.join(folder, 'codex-home') },
      extraArgs: ['--disable', 'plugins', '--disable', 'apps', '-c', `model_providers.fake=${provider}`],
      model: 'fake-model',
      modelProvider: 'fake',
    });
    lane = started;
    await waitFor(() => started.status().finished || started.status().state === 'error', {
      describe: 'the end of the turn',
      timeoutMs: 20_000,
    });
    expect(started.status()).toMatchObject({ state: 'ready', completed: 1 });
    expect(started.status().error).toBeUndefined();
    return started;
  }

  const published = () => journal.readAfter(0n, 10_000).flatMap((entry) => projectEntry(entry, { device_id: 'd' }));

  test('runs a command the user accepts, in the sandbox, and the projection tells it', async () => {
    const { approvals } = (await run('accept')).status();
    expect(approvals).toEqual({ accepted: 1, declined: 0 });
    expect(readFileSync(path.join(folder, 'project', 'made.txt'), 'utf8')).toBe('hello\n');
    const items = published().filter((event) => event.kind === 'item/completed');
    expect(items.map((event) => (event.payload as { item: { type: string } }).item.type)).toEqual([
      'userMessage',
      'commandExecution',
      'agentMessage',
    ]);
    expect(items[1]?.payload).toMatchObject({
      item: { status: 'completed', exitCode: 0, aggregatedOutput: 'hello\n' },
    });
    expect(published().filter((event) => event.kind === 'item/agentMessage/delta')).toHaveLength(2);
  }, 30_000);

  test('does not run what nobody accepted', async () => {
    const { approvals, notes } = (await run('decline')).status();
    expect(approvals).toEqual({ accepted: 0, declined: 1 });
    expect(notes[0]).toContain('echo hello');
    expect(existsSync(path.join(folder, 'project', 'made.txt'))).toBe(false);
    expect(published().find((event) => event.kind === 'approval/answered')?.payload).toMatchObject({
      decision: 'decline',
    });
  }, 30_000);
});
