import type { EngineDatabase } from '../engine/database.ts';

/** Waits until a commit is on disk. */
export async function untilDurable(engine: EngineDatabase, offset: bigint): Promise<void> {
  if (engine.durableOffset >= offset) return;
  await new Promise<void>((resolve) => {
    const stop = engine.onDurable((durable) => {
      if (durable < offset) return;
      stop();
      resolve();
    });
  });
}
