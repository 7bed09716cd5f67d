import { readFileSync } from 'node:fs';
import type { Cancel, Random, Scheduler } from '@autopilot/sync-contract';
import { newBootId } from './boot-id.ts';
import { CodexError } from './errors.ts';
import type { Journal } from './journal.ts';
import { WireLog, type WireMessage } from './wire-log.ts';

/** One line of a recording. */
export interface RecordedLine {
  readonly at_ms: number;
  readonly direction: 'from-server' | 'to-server';
  readonly message: WireMessage;
}

/** Options of {@link startRecordedSource}. */
export interface RecordedSourceOptions {
  readonly journal: Journal;
  readonly lines: readonly RecordedLine[];
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Milliseconds between two messages, 0 for as fast as possible; undefined for the recorded timing. */
  readonly paceMs?: number | undefined;
  /** Once, or again and again with a second in between. */
  readonly once: boolean;
  /** After each append, with the number of messages. */
  appended(count: number): void;
  /** After each whole replay. */
  replayed(): void;
  /** The journal could not be written; the replay has ended. */
  failed(error: unknown): void;
}

/** Messages of one transaction when there is no pace to keep. */
const chunk = 100;
const pauseBetweenReplays = 1000;

/**
 * Reads a recording.
 *
 * @throws {CodexError} `recording_unusable`.
 */
export function readRecording(file: string): readonly RecordedLine[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CodexError('recording_unusable', `The recording ${file} cannot be read.`, { cause });
  }
  const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, index, file)]));
  if (lines.length === 0) throw new CodexError('recording_unusable', `The recording ${file} is empty.`);
  return lines;
}

function parseLine(text: string, index: number, file: string): RecordedLine {
  const wrong = new CodexError('recording_unusable', `Line ${index + 1} of ${file} is no recorded message.`);
  let line: Partial<RecordedLine> | null;
  try {
    line = JSON.parse(text);
  } catch {
    throw wrong;
  }
  const { at_ms, direction, message } = line ?? {};
  if (typeof at_ms !== 'number' || typeof message !== 'object' || message === null) throw wrong;
  if (direction !== 'from-server' && direction !== 'to-server') throw wrong;
  return { at_ms, direction, message };
}

/**
 * Replays a recording into the journal, message by message as the app-server gave them. Each replay is a run of its own:
 * its thread ids are new, so that it makes new streams and new keys. Returns the way to stop it.
 */
export function startRecordedSource(options: RecordedSourceOptions): Cancel {
  const { journal, lines, scheduler, random, paceMs } = options;
  let stopped = false;
  let cancel: Cancel = () => {};
  const later = (milliseconds: number, task: () => void): void => {
    cancel = scheduler.after(milliseconds, () => {
      if (!stopped) task();
    });
  };

  const replay = (): void => {
    const boot = newBootId(random);
    const log = new WireLog(boot);
    const rename = threadRenamer(lines, boot);
    const step = (from: number): void => {
      const part = lines.slice(from, from + (paceMs === 0 ? chunk : 1));
      try {
        journal.append(
          ...part.map(({ direction, message }) => {
            const text = rename(JSON.stringify(message));
            return log.draft(direction, JSON.parse(text) as WireMessage, text);
          }),
        );
      } catch (error) {
        stopped = true;
        options.failed(error);
        return;
      }
      options.appended(part.length);
      const next = lines[from + part.length];
      const last = part.at(-1);
      if (next !== undefined && last !== undefined) {
        later(paceMs ?? Math.max(0, next.at_ms - last.at_ms), () => step(from + part.length));
        return;
      }
      options.replayed();
      if (!options.once) later(pauseBetweenReplays, replay);
    };
    step(0);
  };
  later(0, replay);
  return () => {
    stopped = true;
    cancel();
  };
}

/** Replaces every thread id of the recording by one of this run, wherever it stands in a message. */
function threadRenamer(lines: readonly RecordedLine[], run: string): (text: string) => string {
  const ids = new Set<string>();
  for (const { message } of lines) {
    const { thread } = (message.params ?? {}) as { readonly thread?: { readonly id?: unknown } };
    if (message.method === 'thread/started' && typeof thread?.id === 'string') ids.add(thread.id);
  }
  const names = [...ids].map((id, index) => [id, `${run}-${index + 1}`] as const);
  return (text) => names.reduce((result, [id, name]) => result.replaceAll(id, name), text);
}
