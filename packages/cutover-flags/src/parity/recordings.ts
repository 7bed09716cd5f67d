import { canonicalPayloadHash, type SyncEvent } from '@autopilot/sync-contract';
import { z } from 'zod';
import { type Comparator, createComparator } from './comparator.ts';
import { ParityError } from './errors.ts';
import { type ComparedEvent, type Side, sides } from './event.ts';
import type { ComparatorOptions } from './options.ts';
import type { ParityWindow } from './window.ts';

/** Lines of a recording, from a file or from memory. */
export type RecordingLines = AsyncIterable<string> | Iterable<string>;

/** How recordings are compared. There is no tolerance in time: a position is missing when both files are at their end. */
export interface RecordingOptions extends Pick<ComparatorOptions, 'pair' | 'owns' | 'ignore' | 'redact' | 'limits'> {
  /**
   * `genesis` (default): every stream is recorded from its first event, and what is not there is missing. `first`: a
   * recording begins in the middle of a stream, and comparison with the first position that both files hold.
   */
  readonly from?: 'genesis' | 'first';
  /** The time that rules are judged by and the report is dated with, milliseconds since the Unix epoch. */
  readonly now: number;
  /** Called every 10,000 lines and at the end. */
  readonly onProgress?: (progress: Readonly<Record<Side, number>>) => void;
}

const decimal = z.string().regex(/^(0|[1-9]\d{0,18})$/, 'must be a decimal number as text');

const recordedEvent = z.strictObject({
  stream_id: z.string().min(1),
  epoch: z.string(),
  seq: decimal,
  kind: z.string(),
  payload: z.string(),
  payload_hash: z.string(),
  idempotency_key: z.string(),
  committed_at: decimal.optional(),
});

/** An event as one line of a recording: JSON with `seq` and `committed_at` as decimal text, without a line break. */
export function recordingLine(event: ComparedEvent & Partial<Pick<SyncEvent, 'committed_at'>>): string {
  const { stream_id, epoch, seq, kind, payload, payload_hash, idempotency_key, committed_at } = event;
  return JSON.stringify({
    ...{ stream_id, epoch, seq: seq.toString(), kind, payload, payload_hash, idempotency_key },
    ...(committed_at === undefined ? {} : { committed_at: committed_at.toString() }),
  });
}

/**
 * Compares two recordings line by line, in bounded memory. Always the side that is behind is read next.
 *
 * @throws {ParityError} `bad_recording` with `details` `{side, line}` for a line that is not an event or whose hash is not
 * that of its payload; `invalid_options`, `invalid_rule`.
 */
export async function compareRecordings(
  left: RecordingLines,
  right: RecordingLines,
  options: RecordingOptions,
): Promise<ParityWindow> {
  const { from = 'genesis', now, onProgress, ...rest } = options;
  const comparator = createComparator({
    limits: { pending: 200_000, pending_per_stream: 100_000 },
    ...rest,
    // Time stands still while files are read: only the end of both ends the waiting.
    ports: { clock: { now: () => now, monotonic: () => 0 }, scheduler: { after: () => () => {} } },
  });
  const begun = new Set<string>();
  const readers = {
    left: new Reader('left', left, comparator, from, begun),
    right: new Reader('right', right, comparator, from, begun),
  };
  try {
    for (let lines = 1; ; lines += 1) {
      const side = nextSide(readers);
      if (side === null) break;
      await readers[side].step();
      if (lines % 10_000 === 0) onProgress?.({ left: readers.left.line, right: readers.right.line });
    }
  } finally {
    await Promise.all(sides.map((side) => readers[side].close()));
  }
  onProgress?.({ left: readers.left.line, right: readers.right.line });
  comparator.settle();
  return comparator.report();
}

/** The side with fewer events so far, so that what waits stays little. */
function nextSide(readers: Readonly<Record<Side, Reader>>): Side | null {
  const open = sides.filter((side) => !readers[side].ended);
  if (open.length < 2) return open[0] ?? null;
  return readers.left.line <= readers.right.line ? 'left' : 'right';
}

class Reader {
  line = 0;
  ended = false;
  readonly #side: Side;
  readonly #lines: AsyncIterator<string> | Iterator<string>;
  readonly #comparator: Comparator;
  readonly #from: 'genesis' | 'first';
  readonly #begun: Set<string>;

  constructor(
    side: Side,
    lines: RecordingLines,
    comparator: Comparator,
    from: 'genesis' | 'first',
    begun: Set<string>,
  ) {
    this.#side = side;
    this.#begun = begun;
    this.#lines = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
    this.#comparator = comparator;
    this.#from = from;
  }

  async step(): Promise<void> {
    const { done, value } = await this.#lines.next();
    if (done === true) {
      this.ended = true;
      return;
    }
    this.line += 1;
    if (value.trim() === '') return;
    const event = this.#parse(value);
    this.#begin(event);
    this.#comparator.offer(this.#side, event);
  }

  async close(): Promise<void> {
    if (!this.ended) await this.#lines.return?.();
  }

  #begin(event: ComparedEvent): void {
    const { stream_id, epoch, seq } = event;
    const key = this.#from === 'genesis' ? stream_id : JSON.stringify([this.#side, stream_id, epoch]);
    if (this.#begun.has(key)) return;
    this.#begun.add(key);
    if (this.#from === 'first') this.#comparator.begin(this.#side, stream_id, { epoch, seq: seq - 1n });
    // A stream that only one file holds is missing in the other one, all of it.
    else for (const side of sides) this.#comparator.begin(side, stream_id, null);
  }

  #parse(text: string): ComparedEvent {
    const refuse = (what: string, cause?: unknown): ParityError =>
      new ParityError('bad_recording', `Line ${this.line} of the ${this.#side} recording ${what}.`, {
        cause,
        details: { side: this.#side, line: this.line },
      });
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw refuse('is not JSON', cause);
    }
    const parsed = recordedEvent.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw refuse(`is not an event: ${issue?.path.join('.') || 'it'} ${issue?.message ?? 'is wrong'}`);
    }
    const { committed_at: _, seq, payload_hash, ...event } = parsed.data;
    if (seq === '0') throw refuse('is not an event: seq begins at 1');
    const truth = canonicalPayloadHash(event.payload);
    if (truth !== payload_hash) throw refuse('has a payload_hash that is not the hash of its payload');
    return { ...event, seq: BigInt(seq), payload_hash: truth };
  }
}
