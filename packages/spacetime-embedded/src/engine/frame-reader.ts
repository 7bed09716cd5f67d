import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { type Frame, findMagic, frameBytesAt, frameHeaderBytes, readFrame } from './frames.ts';

const windowBytes = 1 << 20;

/**
 * Reads the frames of a file one after the other with a part of it in memory: a file may be larger than a buffer can be.
 * Payloads are views over that part.
 */
export class FrameReader {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #atLeast: number;
  #window: Buffer = Buffer.alloc(0);
  /** Where the window begins in the file. */
  #start = 0;
  #at = 0;

  private constructor(handle: FileHandle, size: number, atLeast: number) {
    this.#handle = handle;
    this.size = size;
    this.#atLeast = atLeast;
  }

  /** @param atLeast Bytes that are read at a time; more for a larger frame. */
  static async open(path: string, atLeast = windowBytes): Promise<FrameReader> {
    const handle = await open(path, 'r');
    return new FrameReader(handle, (await handle.stat()).size, atLeast);
  }

  /** Where the next frame is to begin, behind the last one that was taken. */
  get at(): number {
    return this.#at;
  }

  /** The next frame, when it is in memory; see {@link more}. */
  take(): Frame | undefined {
    const frame = readFrame(this.#window, this.#at - this.#start);
    if (frame !== undefined) this.#at = this.#start + frame.end;
    return frame;
  }

  /** Reads on, so that {@link take} can be asked again. False when no whole frame can stand there. */
  async more(): Promise<boolean> {
    const here = this.#at - this.#start;
    const isHeaderThere = here + frameHeaderBytes <= this.#window.length;
    const needed = isHeaderThere ? frameBytesAt(this.#window, here) : frameHeaderBytes;
    if (needed === undefined || this.#at + needed > this.size || here + needed <= this.#window.length) return false;
    await this.#load(this.#at, needed);
    return true;
  }

  /** The first whole frame from a place on, behind a damaged one; undefined when there is none. */
  async find(from: number): Promise<Frame | undefined> {
    this.#at = from;
    while (this.#at + frameHeaderBytes <= this.size) {
      const here = this.#at - this.#start;
      if (here + frameHeaderBytes > this.#window.length) {
        await this.#load(this.#at, frameHeaderBytes);
        continue;
      }
      const found = findMagic(this.#window, here);
      if (found === -1) {
        // The beginning of one may stand at the end of the window.
        this.#at = this.#start + this.#window.length - frameHeaderBytes + 1;
        continue;
      }
      this.#at = this.#start + found;
      const frame = await this.#whole();
      if (frame !== undefined) return frame;
      this.#at += 1;
    }
    return undefined;
  }

  async #whole(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.take();
      if (frame !== undefined || !(await this.more())) return frame;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Makes a window over at least `needed` bytes from a place on; what of it is in memory is not read again. */
  async #load(from: number, needed: number): Promise<void> {
    const length = Math.min(this.size - from, Math.max(needed, this.#atLeast));
    const window = Buffer.allocUnsafe(length);
    const kept = from >= this.#start ? this.#window.copy(window, 0, from - this.#start) : 0;
    let filled = kept;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(window, filled, length - filled, from + filled);
      if (bytesRead === 0) throw new Error('the file became shorter while it was read');
      filled += bytesRead;
    }
    this.#window = window;
    this.#start = from;
  }
}
