import {
  CheckpointError,
  type CheckpointErrorCode,
  type CheckpointStore,
  type Commit,
  type ConflictRecord,
  type QuarantineOutcome,
  type ResetTo,
  type StreamChange,
} from '../../../packages/checkpoint/src/index.ts';
import type { Oracle } from './oracle.ts';
import type { CrashPoint, CrashStep } from './plan.ts';

/** What an application uses of its store. */
export type ApplicationStore = Pick<
  CheckpointStore,
  'load' | 'streams' | 'hashAt' | 'seqOf' | 'commit' | 'resetStream' | 'quarantine'
>;

/** A crash that waits for its step. */
export interface ArmedCrash {
  readonly step: CrashStep;
  readonly point: CrashPoint;
  /** Ends the client: what of the write has reached the file is given by two sizes of the log before and after it. */
  crash(written: { readonly before: number; readonly after: number } | undefined): void;
}

/** Thrown through the client's code at the moment at which its process ends. */
export class Crashed extends Error {
  override readonly name = 'Crashed';
}

/** What a run does to the writes of a store. */
export interface StoreFaults {
  armed: ArmedCrash | undefined;
  /** Codes that the next writes fail with. */
  readonly failures: CheckpointErrorCode[];
  /** Bytes of the write-ahead log. */
  logSize(): number;
  /** A write has returned. */
  wrote(): void;
  /** The store itself has refused a write. */
  refused(error: unknown): void;
}

/**
 * The store of one life as its application sees it: every write is reported to the oracle, may fail, and may be the last
 * one. A crash lets the real write happen, and then takes away from the file what had not been written by then.
 */
export class OwnerStore implements ApplicationStore {
  /** Whether commits are told: not when the process ends before it comes to that. */
  isTelling = true;
  readonly #store: CheckpointStore;
  readonly #oracle: Oracle;
  readonly #faults: StoreFaults;
  #afterWrite: (() => void) | undefined;

  constructor(store: CheckpointStore, oracle: Oracle, faults: StoreFaults) {
    this.#store = store;
    this.#oracle = oracle;
    this.#faults = faults;
  }

  load(streamId: string) {
    return this.#store.load(streamId);
  }

  streams() {
    return this.#store.streams();
  }

  hashAt(streamId: string, epoch: string, seq: bigint) {
    return this.#store.hashAt(streamId, epoch, seq);
  }

  seqOf(streamId: string, epoch: string, key: string) {
    return this.#store.seqOf(streamId, epoch, key);
  }

  commit(changes: readonly StreamChange[]): Commit {
    return this.#write(
      'commit',
      () => this.#store.commit(changes),
      () => this.#oracle.committed(changes),
      (places) => {
        for (const { stream_id, epoch, seq, chain } of changes) places.set(stream_id, { epoch, seq, chain });
      },
    );
  }

  resetStream(streamId: string, to: ResetTo) {
    const { epoch, seq, chain } = to;
    return this.#write(
      'reset',
      () => this.#store.resetStream(streamId, to),
      () => this.#oracle.reset(streamId, to),
      (places) => places.set(streamId, { epoch, seq, chain }),
    );
  }

  quarantine(conflict: ConflictRecord): QuarantineOutcome {
    return this.#write(
      'quarantine',
      () => this.#store.quarantine(conflict),
      () => this.#oracle.wrote(),
      () => {},
    );
  }

  /** Hears of commits as an application does: from the store, once they are stored. */
  listen(listener: (commit: Commit) => void): void {
    this.#store.onCommitted((commit) => {
      this.#flush();
      if (this.isTelling) listener(commit);
    });
  }

  #write<Result>(
    step: CrashStep,
    run: () => Result,
    written: () => void,
    unfinished: Parameters<Oracle['unfinished']>[0],
  ): Result {
    const code = this.#faults.failures.shift();
    if (code !== undefined) throw new CheckpointError(code, 'The disk of the simulation fails.');
    const { armed } = this.#faults;
    if (armed?.step !== step) return this.#reported(run, written);
    this.#faults.armed = undefined;
    if (armed.point === 'before') {
      this.isTelling = false;
      armed.crash(undefined);
      throw new Crashed();
    }
    const before = this.#faults.logSize();
    if (armed.point === 'torn') {
      this.#silently(run);
      this.#oracle.unfinished(unfinished);
      armed.crash({ before, after: this.#faults.logSize() });
    } else {
      if (armed.point === 'told') this.#reported(run, written);
      else this.#silently(() => this.#reported(run, written));
      armed.crash(undefined);
    }
    throw new Crashed();
  }

  /** Nobody is told; unless the write is refused, the process ends with it. */
  #silently(run: () => void): void {
    this.isTelling = false;
    try {
      run();
    } catch (error) {
      this.isTelling = true;
      throw error;
    }
  }

  /** The oracle hears of a write before listeners do, so that it knows what is stored when they are told. */
  #reported<Result>(run: () => Result, written: () => void): Result {
    this.#afterWrite = written;
    try {
      const result = run();
      this.#flush();
      this.#faults.wrote();
      return result;
    } catch (error) {
      this.#faults.refused(error);
      throw error;
    } finally {
      this.#afterWrite = undefined;
    }
  }

  /** Called by the first listener of a commit, and again when the write has returned. */
  #flush(): void {
    const written = this.#afterWrite;
    this.#afterWrite = undefined;
    written?.();
  }
}
