import { isCodedError } from '@autopilot/sync-contract';

/** A stream that waits for its next attempt. */
export interface StalledStream {
  readonly stream_id: string;
  readonly attempts: number;
  readonly code: string;
  readonly message: string;
}

interface Attempts {
  readonly count: number;
  /** How many of them met an `internal` error. */
  readonly internal: number;
  readonly code: string;
  readonly message: string;
}

const none: Attempts = { count: 0, internal: 0, code: '', message: '' };

/** The failed attempts in a row of each stream. */
export class StreamAttempts {
  readonly #attempts = new Map<string, Attempts>();

  of(streamId: string): Attempts {
    return this.#attempts.get(streamId) ?? none;
  }

  failed(streamId: string, error: unknown): void {
    const { count, internal } = this.of(streamId);
    const { code, message } = explain(error);
    this.#attempts.set(streamId, {
      count: count + 1,
      internal: internal + (code === 'internal' ? 1 : 0),
      code,
      message,
    });
  }

  succeeded(streamId: string): void {
    this.#attempts.delete(streamId);
  }

  get stalled(): readonly StalledStream[] {
    return [...this.#attempts].map(([stream_id, { count: attempts, code, message }]) => ({
      stream_id,
      attempts,
      code,
      message,
    }));
  }
}

/** The code and the message of anything that was thrown; `internal` without a code. */
export function explain(error: unknown): { readonly code: string; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  return { code: isCodedError(error) ? error.code : 'internal', message };
}
