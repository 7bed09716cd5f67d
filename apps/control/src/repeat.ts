import type { Scheduler } from '@autopilot/sync-contract';

/** Runs `task` again and again with a pause between; returns what stops it. A failure is told and not the end. */
export function repeat(
  scheduler: Scheduler,
  milliseconds: number,
  task: () => Promise<unknown>,
  failed: (error: unknown) => void,
): () => void {
  let stopped = false;
  let cancel = scheduler.after(milliseconds, turn);
  function turn(): void {
    task()
      .catch(failed)
      .finally(() => {
        if (!stopped) cancel = scheduler.after(milliseconds, turn);
      });
  }
  return () => {
    stopped = true;
    cancel();
  };
}
