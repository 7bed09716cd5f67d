import type { Scheduler } from '@autopilot/sync-contract';

/** How what comes at once is put together. */
export interface GatherOptions<In, Out> {
  readonly scheduler: Scheduler;
  /** Milliseconds that the first of some waits for more. */
  readonly wait: number;
  readonly most: number;
  /** Answers each item, in their order; an Error refuses that item only. What it throws refuses all of them. */
  readonly write: (items: readonly In[]) => Promise<readonly (Out | Error)[]>;
}

/**
 * Puts items that come within a moment into one write. It waits for them: the requests of one turn of the event loop are
 * handled one after the other, each to its end, so that without a wait every write would hold one item.
 */
export function createGather<In, Out>({
  scheduler,
  wait,
  most,
  write,
}: GatherOptions<In, Out>): (item: In) => Promise<Out> {
  const waiting: { item: In; resolve: (out: Out) => void; reject: (error: unknown) => void }[] = [];
  let planned: (() => void) | undefined;
  let writing = false;

  async function drain(): Promise<void> {
    planned?.();
    planned = undefined;
    if (writing) return;
    writing = true;
    const taken = waiting.splice(0, most);
    try {
      const outs = await write(taken.map(({ item }) => item));
      for (const [index, { resolve, reject }] of taken.entries()) {
        const out = outs[index] as Out | Error;
        if (out instanceof Error) reject(out);
        else resolve(out);
      }
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
    writing = false;
    plan();
  }

  function plan(): void {
    if (writing || waiting.length === 0) return;
    if (waiting.length >= most) void drain();
    else planned ??= scheduler.after(wait, () => void drain());
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      plan();
    });
}
