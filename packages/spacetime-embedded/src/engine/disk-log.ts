import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import type { Cancel, Scheduler } from '@autopilot/sync-contract';
import { privateFile } from '../private-mode.ts';
import type { CommitLog, LogRecord, StateImage } from './commit-log.ts';
import { listDataFiles, removeAll, segmentPath, syncDirectory } from './data-files.ts';
import { EngineError } from './errors.ts';
import { entryFrame, type FileOwner, logFormat } from './log-codec.ts';
import { writeSnapshot } from './snapshot-file.ts';

/** Where a log goes on after it was read. */
export interface DiskLogStart {
  readonly directory: string;
  readonly file: FileOwner;
  readonly scheduler: Scheduler;
  readonly syncDelayMs: number;
  /** A snapshot is taken when the log behind the last one is longer than this and than twice that snapshot. */
  readonly snapshotAfterBytes: number;
  /** The state as it is, for a snapshot. */
  readonly image: () => StateImage;
  readonly offset: bigint;
  readonly segment: { readonly handle: FileHandle; readonly size: number };
  /** Bytes of log behind the last snapshot, and of that snapshot. */
  readonly logBytes: number;
  readonly snapshotBytes: number;
  readonly unlock: () => Promise<void>;
}

/** Appends commits to segment files and syncs them in groups. */
export class DiskLog implements CommitLog {
  durableOffset: bigint;
  failure: Error | undefined;
  readonly #start: DiskLogStart;
  readonly #listeners = new Set<(offset: bigint) => void>();
  #handle: FileHandle;
  #position: number;
  #logBytes: number;
  #snapshotBytes: number;
  #pending: Buffer[] = [];
  #appended: bigint;
  #timer: Cancel | undefined;
  #flushing: Promise<void> | undefined;
  #snapshotting: Promise<void> | undefined;
  #closed = false;

  constructor(start: DiskLogStart) {
    this.#start = start;
    this.durableOffset = start.offset;
    this.#appended = start.offset;
    this.#handle = start.segment.handle;
    this.#position = start.segment.size;
    this.#logBytes = start.logBytes;
    this.#snapshotBytes = start.snapshotBytes;
  }

  append(record: LogRecord): void {
    this.#pending.push(entryFrame({ kind: 'commit', record }, this.durableOffset));
    this.#appended = record.offset;
    this.#plan();
  }

  onDurable(listener: (offset: bigint) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.();
    await this.#flushing;
    try {
      if (this.failure === undefined) {
        await this.#flush();
        await this.#snapshotting;
        if (this.failure === undefined && this.#logBytes > this.#start.snapshotAfterBytes / 8) await this.#snapshot();
      }
      if (this.failure === undefined) {
        await this.#write(entryFrame({ kind: 'closed', offset: this.#appended }, this.durableOffset));
        await this.#handle.sync();
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#listeners.clear();
      await this.#snapshotting;
      // All of it is tried, and the first failure is the one that counts.
      await this.#handle.close().catch((cause) => this.#fail(cause));
      await this.#start.unlock().catch((cause) => this.#fail(cause));
    }
    if (this.failure !== undefined) throw this.failure;
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#flushing !== undefined || this.#closed) return;
    this.#timer = this.#start.scheduler.after(this.#start.syncDelayMs, () => {
      this.#timer = undefined;
      this.#flushing = this.#flush().finally(() => {
        this.#flushing = undefined;
        if (this.#pending.length > 0 && this.failure === undefined) this.#plan();
      });
    });
  }

  /** Writes and syncs what is pending. Never rejects: a failure is kept, and ends the log. */
  async #flush(): Promise<void> {
    const batch = this.#pending;
    if (batch.length === 0 || this.failure !== undefined) return;
    this.#pending = [];
    const offset = this.#appended;
    const isSnapshotDue =
      this.#snapshotting === undefined &&
      this.#logBytes > Math.max(this.#start.snapshotAfterBytes, 2 * this.#snapshotBytes);
    // In the same breath as the batch: the image and the end of this segment are the same offset.
    const image = isSnapshotDue ? this.#start.image() : undefined;
    try {
      await this.#write(batch.length === 1 ? (batch[0] as Buffer) : Buffer.concat(batch));
      await this.#handle.datasync();
      this.durableOffset = offset;
      this.#tell(offset);
      if (image !== undefined) await this.#rotate(offset);
    } catch (cause) {
      // After a failed sync nobody knows what is on disk; trying again could call lost data durable.
      this.#fail(cause);
      return;
    }
    if (image !== undefined) {
      this.#snapshotting = this.#takeSnapshot(image).finally(() => {
        this.#snapshotting = undefined;
      });
    }
  }

  #tell(offset: bigint): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(offset);
      } catch (failure) {
        // A broken listener is not kept quiet, but the log goes on.
        this.#start.scheduler.after(0, () => {
          throw failure;
        });
      }
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, this.#position);
      written += bytesWritten;
      this.#position += bytesWritten;
    }
    this.#logBytes += bytes.length;
  }

  /** Begins a new segment. Everything before is on disk. */
  async #rotate(base: bigint): Promise<void> {
    const next = await createSegment(this.#start.directory, this.#start.file, base);
    const old = this.#handle;
    this.#handle = next.handle;
    this.#position = next.size;
    this.#logBytes = 0;
    await old.close();
  }

  /** Only at close, when nothing is pending. */
  async #snapshot(): Promise<void> {
    const image = this.#start.image();
    try {
      await this.#rotate(image.offset);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    await this.#takeSnapshot(image);
  }

  async #takeSnapshot(image: StateImage): Promise<void> {
    const { directory, file } = this.#start;
    try {
      this.#snapshotBytes = await writeSnapshot(directory, file, image);
      // Only now is the log before it not needed any more.
      const { segments, snapshots } = await listDataFiles(directory);
      const old = [...segments, ...snapshots].filter(({ offset }) => offset < image.offset);
      await removeAll(old.map(({ path }) => path));
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    const isFirst = this.failure === undefined;
    this.failure ??= new EngineError('data_dir_unusable', `Writing to ${this.#start.directory} failed.`, { cause });
    this.#pending = [];
    // Whoever waits for the disk waits in vain.
    if (isFirst) this.#tell(this.durableOffset);
  }
}

/** Makes a segment with its header, durable before anything is appended. */
export async function createSegment(
  directory: string,
  file: FileOwner,
  base: bigint,
): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const handle = await open(segmentPath(directory, base), 'wx+', privateFile);
  const { identity, owner } = file;
  const frame = entryFrame({ kind: 'segment', format: logFormat, identity, owner, base }, base);
  await handle.writeFile(frame);
  await handle.sync();
  await syncDirectory(directory);
  return { handle, size: frame.length };
}
