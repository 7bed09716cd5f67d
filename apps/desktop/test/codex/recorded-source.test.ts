import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Journal, openJournal } from '../../src/codex/journal.ts';
import { readRecording } from '../../src/codex/recorded-source.ts';
import { startCodexLane } from '../../src/codex/start-codex-lane.ts';

const file = new URL('../../../../testing/fixtures/codex-app-server.jsonl', import.meta.url).pathname;
const lines = readRecording(file);
let ports: ManualPorts;
let journal: Journal;

beforeEach(() => {
  ports = manualPorts();
  journal = openJournal({ file: ':memory:', clock: ports.clock });
});
afterEach(() => journal.close());

const entries = () => journal.readAfter(0n, 10_000).filter((entry) => entry.direction !== 'lane');

describe('recorded feed', () => {
  test('replays every message once and in order, then is finished', async () => {
    const lane = startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0, once: true });
    expect(lane.status()).toMatchObject({ state: 'starting', finished: false });
    await ports.advanceAsync(0);
    expect(lane.status()).toMatchObject({ state: 'stopped', finished: true, completed: 1, messages: lines.length });
    const replayed = entries();
    expect(replayed.map((entry) => entry.direction)).toEqual(lines.map((line) => line.direction));
    const run = String(replayed[0]?.boot_id);
    const back = replayed.map((entry) => entry.body);
    const ids = lines.flatMap(({ message }) =>
      message.method === 'thread/started' ? [(message.params as { thread: { id: string } }).thread.id] : [],
    );
    // Putting the recorded ids back gives the recording, byte for byte: nothing else was touched.
    const restored = back.map((text) => ids.reduce((t, id, index) => t.replaceAll(`${run}-${index + 1}`, id), text));
    expect(restored).toEqual(lines.map((line) => JSON.stringify(line.message)));
    expect(back.join('')).not.toContain(ids[0]);
  });

  test('gives answers the method, thread and command of what they answer', async () => {
    startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0, once: true });
    await ports.advanceAsync(0);
    const all = entries();
    expect(all.filter((entry) => entry.method === '')).toEqual([]);
    const approvals = all.filter((entry) => entry.method === 'item/commandExecution/requestApproval');
    expect(approvals).toHaveLength(34);
    expect(approvals.filter((entry) => entry.thread_id === null || entry.command_seq !== null)).toEqual([]);
    const turns = all.filter((entry) => entry.method === 'turn/start');
    expect(turns).toHaveLength(14);
    expect(new Set(turns.map((entry) => entry.command_seq)).size).toBe(7);
    expect(new Set(all.flatMap((entry) => entry.thread_id ?? [])).size).toBe(3);
  });

  test('every replay is a run of its own', async () => {
    const lane = startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 0 });
    await ports.advanceAsync(1000);
    expect(lane.status()).toMatchObject({ state: 'ready', finished: false, completed: 2 });
    const all = entries();
    expect(all).toHaveLength(2 * lines.length);
    expect(new Set(all.map((entry) => entry.boot_id)).size).toBe(2);
    expect(new Set(all.flatMap((entry) => entry.thread_id ?? [])).size).toBe(6);
    await lane.stop();
    await ports.advanceAsync(5000);
    expect(entries()).toHaveLength(2 * lines.length);
    expect(lane.status().state).toBe('stopped');
    expect(ports.pending).toBe(0);
  });

  test('keeps a given pace, or the recorded timing', async () => {
    const paced = startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: 20 });
    await ports.advanceAsync(100);
    expect(paced.status().messages).toBe(6);
    await paced.stop();
    const timed = startCodexLane({ journal, ports, feed: 'recorded', file, once: true });
    const first = lines[0]?.at_ms ?? 0;
    const half = lines[Math.floor(lines.length / 2)]?.at_ms ?? 0;
    await ports.advanceAsync(half - first);
    expect(timed.status().messages).toBe(lines.filter((line) => line.at_ms <= half).length);
    await timed.stop();
  });

  test('a file that is no recording is refused with the line that is wrong', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'recording-'));
    const bad = path.join(folder, 'bad.jsonl');
    const start = (name: string) => () => startCodexLane({ journal, ports, feed: 'recorded', file: name });
    const unusable = expect.objectContaining({ code: 'recording_unusable' });
    for (const text of ['', 'not json\n', '{"at_ms":1}\n', 'null\n', '{"at_ms":1,"direction":"up","message":{}}\n']) {
      writeFileSync(bad, text);
      expect(start(bad)).toThrow(unusable);
    }
    writeFileSync(bad, `${JSON.stringify(lines[0])}\n[]\n`);
    expect(start(bad)).toThrow('Line 2');
    expect(start(path.join(folder, 'missing'))).toThrow(unusable);
    expect(() => startCodexLane({ journal, ports, feed: 'recorded', file, paceMs: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'lane_options' }),
    );
    expect(journal.head()).toBe(0n);
    rmSync(folder, { recursive: true });
  });

  test('the feed none does nothing and says so', async () => {
    const lane = startCodexLane({ journal, ports, feed: 'none' });
    expect(lane.status()).toMatchObject({ feed: 'none', state: 'stopped', finished: true, messages: 0 });
    await lane.stop();
    expect(entries()).toEqual([]);
  });
});
