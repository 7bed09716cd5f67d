import type { EngineDatabase } from '../engine/database.ts';
import { Refusal } from './reply.ts';

/** Waits until a commit is on disk. @throws {Refusal} 503 when the log can no longer be written. */
export async function untilDurable(engine: EngineDatabase, offset: bigint): Promise<void> {
  if (engine.durableOffset >= offset) return;
  if (engine.failure !== undefined) throw new Refusal(503, 'The log of the database cannot be written.');
  await new Promise<void>((resolve) => {
    const stop = engine.onDurable((durable) => {
      if (durable < offset) return;
      stop();
      resolve();
    });
  });
}
