import type { StreamRow, StreamStatements } from './stream-statements.ts';

/** Streams that are remembered: more than are written to at a time. */
const mostHeads = 1024;

/** What a commit has to know of a stream. */
export type StreamHead = Pick<StreamRow, 'id' | 'generation' | 'epoch' | 'seq' | 'chain' | 'gaps_allowed'>;

/**
 * The heads of streams as they are stored. Remembered from one commit to the next: nobody else writes to the file, and
 * reading the head again is a third of what a commit of one event costs. A commit moves on only what it still finds
 * stored as it is remembered, so a head that is wrong is refused and not written over.
 */
export class StreamHeads {
  readonly #statements: Pick<StreamStatements, 'stream'>;
  readonly #known = new Map<string, StreamHead>();

  constructor(statements: Pick<StreamStatements, 'stream'>) {
    this.#statements = statements;
  }

  get(streamId: string): StreamHead | undefined {
    return this.#known.get(streamId) ?? this.#statements.stream.get(streamId);
  }

  /** A stream was moved on, in a transaction that may still fail: then everything has to be forgotten. */
  moved(streamId: string, head: StreamHead): void {
    if (this.#known.size >= mostHeads && !this.#known.has(streamId)) this.#known.clear();
    this.#known.set(streamId, head);
  }

  /** Something else than a commit writes, or a commit failed. */
  forget(): void {
    this.#known.clear();
  }
}
