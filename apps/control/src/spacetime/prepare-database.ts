import type { Clock, Scheduler } from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import type { DatabaseAdmin } from './database-admin.ts';

/** How to make the database ready. Times are milliseconds. */
export interface PrepareOptions {
  readonly admin: DatabaseAdmin;
  readonly issuer: string;
  readonly audience: string;
  /** Published first when given. */
  readonly bundle?: Uint8Array | undefined;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** How long to go on trying while the database is not there. */
  readonly patience: number;
  readonly pause: number;
  readonly signal: AbortSignal;
  /** Tells of every attempt that failed and will be repeated. */
  readonly waiting: (error: ControlError) => void;
}

/**
 * Publishes and configures the database, and waits for it when it is not up yet.
 *
 * @throws {ControlError} `database_unavailable` when patience ends, `database_refused` and `publish_refused` at once.
 */
export async function prepareDatabase(options: PrepareOptions): Promise<void> {
  const { admin, bundle, clock, patience, signal } = options;
  const deadline = clock.monotonic() + patience;
  let published = bundle === undefined;
  for (;;) {
    try {
      if (!published && bundle !== undefined) await admin.publish(bundle);
      published = true;
      await admin.configure(options.issuer, options.audience);
      return;
    } catch (error) {
      const again = error instanceof ControlError && error.code === 'database_unavailable';
      if (!again || signal.aborted || clock.monotonic() + options.pause > deadline) throw error;
      options.waiting(error);
    }
    await pause(options);
  }
}

function pause({ scheduler, pause: milliseconds, signal }: PrepareOptions): Promise<void> {
  return new Promise((resolve) => {
    const cancel = scheduler.after(milliseconds, resolve);
    signal.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}
