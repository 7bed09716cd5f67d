import type { Scheduler } from '@autopilot/sync-contract';

/** Requests that wait for another policy than they know. */
export interface PolicyWaiters {
  /** Whether one more may wait. */
  readonly free: boolean;
  /** Resolves when a later revision than `after` is told of, when the time is up, or when `gone` is aborted. */
  wait(after: number, milliseconds: number, gone: AbortSignal): Promise<void>;
  /** Lets those go on that know an older revision, some at a time. */
  tell(revision: number): void;
  /** Lets all go on; nobody waits any more. */
  close(): void;
}

export interface PolicyWaitersOptions {
  readonly scheduler: Scheduler;
  /** How many may wait. */
  readonly most: number;
}

/** So many go on at once, and so many milliseconds later the next: what they do then comes spread out. */
const slice = 100;
const pause = 20;

interface Waiter {
  readonly after: number;
  readonly leave: () => void;
}

/** Nobody waits yet. */
export function createPolicyWaiters({ scheduler, most }: PolicyWaitersOptions): PolicyWaiters {
  const waiters = new Set<Waiter>();
  let newest = 0;
  let cancel: (() => void) | undefined;
  let closed = false;

  function release(): void {
    cancel = undefined;
    let left = slice;
    for (const waiter of waiters) {
      if (waiter.after >= newest) continue;
      if (left === 0) {
        cancel = scheduler.after(pause, release);
        return;
      }
      left -= 1;
      waiter.leave();
    }
  }

  return {
    get free() {
      return !closed && waiters.size < most;
    },
    wait(after, milliseconds, gone) {
      if (closed || waiters.size >= most || gone.aborted || after < newest) return Promise.resolve();
      return new Promise((resolve) => {
        const leave = () => {
          if (!waiters.delete(waiter)) return;
          timeUp();
          gone.removeEventListener('abort', leave);
          resolve();
        };
        const waiter = { after, leave };
        waiters.add(waiter);
        const timeUp = scheduler.after(milliseconds, leave);
        gone.addEventListener('abort', leave);
      });
    },
    tell(revision) {
      if (revision <= newest) return;
      newest = revision;
      if (cancel === undefined) release();
    },
    close() {
      closed = true;
      cancel?.();
      for (const { leave } of [...waiters]) leave();
    },
  };
}
