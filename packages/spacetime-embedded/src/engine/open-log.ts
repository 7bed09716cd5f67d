import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Scheduler } from '@autopilot/sync-contract';
import { privateDirectory, privateFile } from '../private-mode.ts';
import type { CommittedState } from './committed-state.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { type DataFile, listDataFiles, removeAll, syncDirectory } from './data-files.ts';
import { createSegment, DiskLog } from './disk-log.ts';
import { EngineError } from './errors.ts';
import { FrameReader } from './frame-reader.ts';
import type { Frame } from './frames.ts';
import { decodeEntry, type FileOwner, type LogEntry, logFormat } from './log-codec.ts';
import { messageOf } from './realm.ts';
import { readSnapshot } from './snapshot-file.ts';

/** Bytes of the log that could not be read and were put into a file of their own. */
export interface SetAside {
  readonly path: string;
  readonly from: number;
  readonly bytes: number;
  readonly into: string;
}

export interface DiskOptions {
  readonly directory: string;
  readonly file: FileOwner;
  readonly scheduler: Scheduler;
  readonly syncDelayMs: number;
  readonly snapshotAfterBytes: number;
  /** Goes on with what stands before a damaged place, which is otherwise refused. */
  readonly salvage: boolean;
  /** Gets what was set aside: from which byte of which file on, into which file. */
  readonly setAside: (cut: SetAside) => void;
  /** Tables as the module has them now; what the log holds must look the same. */
  readonly shape: string;
}

/**
 * Locks a data directory, reads its newest snapshot and the log behind it into the state, and goes on writing there.
 * `state.module` stays undefined when the database is new.
 *
 * @throws {EngineError} `data_dir_unusable`, `data_dir_locked`, `log_corrupt`, `owner_mismatch`, `module_invalid`.
 */
export async function openDiskLog(options: DiskOptions, state: CommittedState): Promise<DiskLog> {
  const { directory } = options;
  try {
    await mkdir(directory, { recursive: true, mode: privateDirectory });
    const unlock = await lockDataDir(directory);
    try {
      return await recover(options, state, unlock);
    } catch (cause) {
      await unlock();
      throw cause;
    }
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('data_dir_unusable', `${directory} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

async function recover(options: DiskOptions, state: CommittedState, unlock: () => Promise<void>): Promise<DiskLog> {
  const { directory, file, scheduler, syncDelayMs, snapshotAfterBytes } = options;
  const files = await listDataFiles(directory);
  await removeAll(files.temporary);
  const snapshot = files.snapshots.at(-1);
  if (snapshot !== undefined) {
    await loadSnapshot(snapshot, options, state);
    // The segment that goes on behind a snapshot is on disk before the snapshot is.
    if (!files.segments.some(({ offset }) => offset === snapshot.offset)) {
      throw corrupt(directory, `the log behind ${snapshot.path} is missing`);
    }
  }
  // Older segments are fully in the snapshot; a crash may have kept them from being removed.
  const segments = files.segments.filter(({ offset }) => offset >= (snapshot?.offset ?? 0n));
  let logBytes = 0;
  let tail: { readonly path: string; readonly size: number } | undefined;
  for (const [index, { path, offset }] of segments.entries()) {
    const { size, isCut } = await replaySegment({ path, offset }, path === segments.at(-1)?.path, options, state);
    logBytes += size;
    tail = { path, size };
    if (!isCut) continue;
    // What follows a damaged place does not fit to what stands before it.
    for (const later of segments.splice(index + 1)) await putAside(later.path, 0, options);
  }
  const stale = [...files.segments.filter((segment) => !segments.includes(segment)), ...files.snapshots.slice(0, -1)];
  await removeAll(stale.map(({ path }) => path));

  let segment: { readonly handle: FileHandle; readonly size: number };
  if (tail !== undefined && tail.size > 0 && state.module !== undefined) {
    segment = { handle: await open(tail.path, 'r+'), size: tail.size };
  } else {
    // Either not even the beginning of the last segment was written, or nothing was ever committed: the rest of a
    // creation that failed.
    await removeAll((state.module === undefined ? segments : segments.slice(-1)).map(({ path }) => path));
    segment = await createSegment(directory, file, state.offset);
  }
  return new DiskLog({
    directory,
    file,
    scheduler,
    syncDelayMs,
    snapshotAfterBytes,
    image: () => {
      if (state.module === undefined) throw new Error('the database has no module yet');
      return state.image(state.module);
    },
    offset: state.offset,
    segment,
    logBytes,
    snapshotBytes: snapshot === undefined ? 0 : (await stat(snapshot.path)).size,
    unlock,
  });
}

async function loadSnapshot({ path }: DataFile, options: DiskOptions, state: CommittedState): Promise<void> {
  try {
    for await (const entry of readSnapshot(path)) {
      if (entry.kind === 'snapshot') {
        checkFile(entry, options.file, path);
        checkShape(entry.image.module.shape, options.shape);
        state.restore(entry.image);
      } else if (entry.kind === 'rows') {
        for (const row of entry.rows) state.restoreRow(entry.table, row);
      }
    }
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw corrupt(path, messageOf(cause), cause);
  }
}

/** Reads one segment. Gives its size without what was cut off; 0 when not even its beginning was written. */
async function replaySegment(
  segment: DataFile,
  isLast: boolean,
  options: DiskOptions,
  state: CommittedState,
): Promise<{ readonly size: number; readonly isCut: boolean }> {
  const reader = await FrameReader.open(segment.path);
  try {
    await replayFrames(reader, segment, options, state);
    const { at, size } = reader;
    if (at < size && !options.salvage) {
      await checkTorn(segment.path, reader, isLast, at === 0 ? segment.offset + 1n : state.offset + 1n);
    }
    if (at < size) await putAside(segment.path, at, options);
    return { size: at, isCut: at < size };
  } finally {
    await reader.close();
  }
}

/** Stops where no whole frame stands. */
async function replayFrames(
  reader: FrameReader,
  segment: DataFile,
  options: DiskOptions,
  state: CommittedState,
): Promise<void> {
  const { path } = segment;
  for (;;) {
    const { at } = reader;
    const frame = reader.take();
    if (frame === undefined) {
      if (await reader.more()) continue;
      return;
    }
    const entry = read(path, frame);
    if (entry.kind === 'segment' && at === 0) {
      checkFile(entry, options.file, path);
      if (entry.base > state.offset || entry.base !== segment.offset)
        throw corrupt(path, 'commits before it are missing');
    } else if (entry.kind === 'commit' && at > 0) {
      replay(path, entry, options, state);
    } else if (entry.kind !== 'closed' || at === 0) {
      throw corrupt(path, `an entry "${entry.kind}" stands where it cannot`);
    }
  }
}

/** Moves the end of a file into one of its own: nothing of a log is ever thrown away unseen. */
async function putAside(path: string, from: number, { directory, setAside }: DiskOptions): Promise<void> {
  const { size } = await stat(path);
  const into = `${path}.cut-${from}`;
  await pipeline(createReadStream(path, { start: from }), createWriteStream(into, { mode: privateFile, flush: true }));
  await syncDirectory(directory);
  if (from === 0) {
    await removeAll([path]);
  } else {
    const handle = await open(path, 'r+');
    await handle.truncate(from);
    await handle.sync();
    await handle.close();
  }
  setAside({ path, from, bytes: size - from, into });
}

function replay(
  path: string,
  { record }: Extract<LogEntry, { kind: 'commit' }>,
  options: DiskOptions,
  state: CommittedState,
): void {
  // Already in the snapshot.
  if (record.offset <= state.offset) return;
  if (record.offset !== state.offset + 1n) throw corrupt(path, `commit ${state.offset + 1n} is missing`);
  if (record.module !== undefined) checkShape(record.module.shape, options.shape);
  try {
    state.replay(record);
  } catch (cause) {
    throw corrupt(path, messageOf(cause), cause);
  }
}

/**
 * Decides whether a damaged place is the tail of a write that a crash cut off. It is not when an earlier segment has
 * it, or when a frame behind it says that the commit at this place had been on disk.
 */
async function checkTorn(path: string, reader: FrameReader, isLast: boolean, commit: bigint): Promise<void> {
  const { at } = reader;
  if (!isLast) throw corrupt(path, `the frame at byte ${at} is damaged`, undefined, at);
  for (let frame = await reader.find(at + 1); frame !== undefined; frame = await reader.find(reader.at)) {
    if (frame.durable >= commit) {
      throw corrupt(path, `the frame at byte ${at} is damaged, and it had been on disk`, undefined, at);
    }
  }
}

function read(path: string, frame: Frame): LogEntry {
  try {
    return decodeEntry(frame.payload);
  } catch (cause) {
    throw corrupt(path, 'an entry cannot be decoded', cause);
  }
}

function checkFile(found: FileOwner & { readonly format: number }, expected: FileOwner, path: string): void {
  if (found.format !== logFormat) {
    throw new EngineError('data_dir_unusable', `${path} was written by another version (format ${found.format}).`);
  }
  if (found.owner === expected.owner && found.identity === expected.identity) return;
  throw new EngineError('owner_mismatch', 'The data directory belongs to another owner or another database.', {
    details: { owner: found.owner, identity: found.identity },
  });
}

function checkShape(stored: string, current: string): void {
  if (stored === current) return;
  throw new EngineError(
    'module_invalid',
    `The tables of the module have changed: ${shapeDifference(stored, current)}.`,
  );
}

interface Shape {
  readonly name: string;
}

function shapeDifference(stored: string, current: string): string {
  const before = new Map((JSON.parse(stored) as Shape[]).map((table) => [table.name, JSON.stringify(table)]));
  const after = new Map((JSON.parse(current) as Shape[]).map((table) => [table.name, JSON.stringify(table)]));
  for (const [name, shape] of after) {
    if (!before.has(name)) return `"${name}" is new`;
    if (before.get(name) !== shape) return `"${name}" has other columns, keys or sequences`;
  }
  for (const name of before.keys()) if (!after.has(name)) return `"${name}" is gone`;
  return 'their order differs';
}

function corrupt(path: string, why: string, cause?: unknown, at?: number): EngineError {
  const details = at === undefined ? { path } : { path, at };
  return new EngineError('log_corrupt', `${path} is damaged: ${why}.`, { cause, details });
}
