import { encodeWireError, SyncError, type SyncErrorCode } from '@autopilot/sync-contract';
import { SenderError } from 'spacetimedb/server';

/** Ends the call, rolls everything back and tells the caller `<code>: <message>`. */
export function fail(code: SyncErrorCode, message: string): never {
  throw new SenderError(encodeWireError(code, message));
}

/** Runs a check of the contract and turns its refusal into the answer to the caller. */
export function checked<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof SyncError) return fail(error.code, error.message);
    throw error;
  }
}
