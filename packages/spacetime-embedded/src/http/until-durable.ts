import type { Scheduler } from '@autopilot/sync-contract';
import type { EngineDatabase } from '../engine/database.ts';
import { Refusal } from './reply.ts';

/** What durability is asked of. */
type Durable = Pick<EngineDatabase, 'durableOffset' | 'failure' | 'onDurable'>;

/**
 * Waits until a commit is on disk.
 *
 * @param within how long at most; without it as long as it takes.
 * @throws {Refusal} 503 when the log can no longer be written, 504 when it takes too long.
 */
export async function untilDurable(
  engine: Durable,
  offset: bigint,
  within?: { readonly scheduler: Scheduler; readonly milliseconds: number },
): Promise<void> {
  if (engine.durableOffset >= offset) return;
  if (engine.failure !== undefined) throw unwritable();
  await new Promise<void>((resolve, reject) => {
    const cancel = within?.scheduler.after(within.milliseconds, () => {
      stop();
      reject(new Refusal(504, 'The transaction was not on disk in time. It may get there.'));
    });
    const stop = engine.onDurable((durable) => {
      // Told too when the log has failed: then it goes no further.
      if (durable < offset && engine.failure === undefined) return;
      stop();
      cancel?.();
      if (durable >= offset) resolve();
      else reject(unwritable());
    });
  });
}

function unwritable(): Refusal {
  return new Refusal(503, 'The log of the database cannot be written.');
}
