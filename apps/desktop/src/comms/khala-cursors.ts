import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Cancel, Scheduler } from '@autopilot/sync-contract';
import type { KhalaCursors } from './khala-opening.ts';

const gatherMs = 1000;

/** Cursors in a file, written at most once a second. Losing the last one costs a second reading, nothing else. */
export function fileCursors(file: string, scheduler: Scheduler): KhalaCursors & { close(): void } {
  const kept = new Map<string, bigint>(Object.entries(read(file)));
  let planned: Cancel | undefined;
  let closed = false;
  const write = () => {
    planned = undefined;
    const text = JSON.stringify(Object.fromEntries([...kept].map(([topic, mark]) => [topic, mark.toString()])));
    const next = `${file}.next`;
    writeFileSync(next, `${text}\n`, { mode: 0o600 });
    renameSync(next, file);
  };
  return {
    load: (topic) => kept.get(topic) ?? null,
    save(topic, watermark) {
      kept.set(topic, watermark);
      // A lane that is closed after this says its place once more.
      if (!closed) planned ??= scheduler.after(gatherMs, write);
    },
    close() {
      closed = true;
      if (planned === undefined) return;
      planned();
      write();
    },
  };
}

/** Cursors that are gone with the process. */
export function memoryCursors(): KhalaCursors & { close(): void } {
  const kept = new Map<string, bigint>();
  return {
    load: (topic) => kept.get(topic) ?? null,
    save: (topic, watermark) => void kept.set(topic, watermark),
    close: () => {},
  };
}

function read(file: string): Record<string, bigint> {
  if (!existsSync(file)) return {};
  try {
    const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
    return Object.fromEntries(entries.map(([topic, mark]) => [topic, BigInt(String(mark))]));
  } catch {
    return {};
  }
}
