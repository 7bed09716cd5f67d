import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { type EntryDraft, type Journal, openJournal } from '../../src/codex/journal.ts';

let folder: string;
let file: string;
const opened: Journal[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'journal-'));
  file = path.join(folder, 'journal.sqlite');
});
afterEach(() => {
  for (const journal of opened.splice(0)) journal.close();
  rmSync(folder, { recursive: true });
});

function open(): Journal {
  const journal = openJournal({ file, clock: { now: () => 1000, monotonic: () => 0 } });
  opened.push(journal);
  return journal;
}

function draft(body: string, fields: Partial<EntryDraft> = {}): EntryDraft {
  const base = { boot_id: 'b', command_seq: null, thread_id: null, direction: 'lane' as const, method: 'note' };
  return { ...base, body, ...fields };
}

describe('journal', () => {
  test('J1 gives entries back as they went in, in order, with dense ids', () => {
    const journal = open();
    expect(journal.head()).toBe(0n);
    const full = draft('{"a":1}', { command_seq: 7, thread_id: 't', direction: 'to-server', method: 'turn/start' });
    expect(journal.append(full)).toBe(1n);
    expect(journal.append(draft('"x"'), draft('"y"'))).toBe(3n);
    expect(journal.readAfter(0n, 10)).toEqual([
      { ...full, entry_id: 1n, at_ms: 1000 },
      { ...draft('"x"'), entry_id: 2n, at_ms: 1000 },
      { ...draft('"y"'), entry_id: 3n, at_ms: 1000 },
    ]);
    expect(journal.readAfter(1n, 1).map((entry) => entry.entry_id)).toEqual([2n]);
    expect(journal.readAfter(3n, 10)).toEqual([]);
  });

  test('J1 goes on where it was after closing, under the same id', () => {
    const first = open();
    first.append(draft('1'), draft('2'));
    opened.splice(0);
    first.close();
    const second = open();
    expect(second.journal_id).toBe(first.journal_id);
    expect(second.append(draft('3'))).toBe(3n);
  });

  test('J2 an append that fails as a whole leaves no entry and no hole', () => {
    const journal = open();
    journal.append(draft('1'));
    const broken = { ...draft('3'), body: null as unknown as string };
    expect(() => journal.append(draft('2'), broken)).toThrow(expect.objectContaining({ code: 'journal_unusable' }));
    expect(journal.head()).toBe(1n);
    expect(journal.append(draft('2'))).toBe(2n);
    expect(journal.readAfter(0n, 10).map((entry) => entry.body)).toEqual(['1', '2']);
  });

  test('J5 tells readers of new entries, and a reader that throws disturbs nobody', () => {
    const journal = open();
    const heads: bigint[] = [];
    journal.onAppend(() => {
      throw new Error('a bad reader');
    });
    const off = journal.onAppend((head) => heads.push(head));
    journal.append(draft('1'), draft('2'));
    off();
    journal.append(draft('3'));
    expect(heads).toEqual([2n]);
    expect(journal.head()).toBe(3n);
  });

  test('J3 a second opener is refused with a typed error, and the first goes on', () => {
    const journal = open();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'journal_locked', recovery: 'ask-user' }));
    expect(journal.append(draft('1'))).toBe(1n);
  });

  test('J4 entries can be neither changed nor removed, even past this code', () => {
    const journal = open();
    journal.append(draft('1'));
    opened.splice(0);
    journal.close();
    const db = new Database(file);
    expect(() => db.exec("update entry set body = '2'")).toThrow('append-only');
    expect(() => db.exec('delete from entry')).toThrow('append-only');
    db.close();
  });

  test('J3 a file that is no journal is refused and left as it is', () => {
    const db = new Database(file);
    db.exec('create table other (x)');
    db.close();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'journal_unusable' }));
    writeFileSync(file, 'not a database at all, but long enough to look at');
    expect(() => open()).toThrow(expect.objectContaining({ code: 'journal_unusable' }));
    file = path.join(folder, 'missing', 'journal.sqlite');
    expect(() => open()).toThrow(expect.objectContaining({ code: 'journal_unusable' }));
  });

  test('J2 keeps every acknowledged entry through SIGKILL, dense and in order', async () => {
    const child = spawn(
      process.execPath,
      ['--conditions=@autopilot/source', new URL('./journal-writer.ts', import.meta.url).pathname, file],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let acknowledged = 0;
    const gone = new Promise((resolve) => child.on('close', resolve));
    createInterface({ input: child.stdout }).on('line', (line) => {
      acknowledged = Number(line);
      if (acknowledged === 200) child.kill('SIGKILL');
    });
    await gone;
    expect(acknowledged).toBeGreaterThanOrEqual(200);
    const journal = openJournal({ file, clock: systemPorts.clock });
    opened.push(journal);
    const entries = journal.readAfter(0n, 1_000_000);
    expect(entries.length).toBeGreaterThanOrEqual(acknowledged);
    expect(entries.map((entry) => entry.body)).toEqual(entries.map((_, index) => String(index + 1)));
    expect(entries.map((entry) => entry.entry_id)).toEqual(entries.map((_, index) => BigInt(index + 1)));
  });
});
