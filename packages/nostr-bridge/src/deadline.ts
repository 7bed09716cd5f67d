import type { Scheduler } from '@autopilot/sync-contract';

/** What a promise came to in time. */
export type InTime<T> =
  | { readonly outcome: 'done'; readonly value: T }
  | { readonly outcome: 'failed'; readonly cause: unknown }
  | { readonly outcome: 'late' };

/**
 * Waits for a call at most so many milliseconds, and never throws: whatever others do, the bridge goes on. A call that
 * is late is not waited for any more, and what it comes to afterwards is dropped.
 */
export function within<T>(scheduler: Scheduler, milliseconds: number, call: () => T | Promise<T>): Promise<InTime<T>> {
  return new Promise((resolve) => {
    const cancel = scheduler.after(milliseconds, () => resolve({ outcome: 'late' }));
    new Promise<T>((settle) => settle(call())).then(
      (value) => {
        cancel();
        resolve({ outcome: 'done', value });
      },
      (cause: unknown) => {
        cancel();
        resolve({ outcome: 'failed', cause });
      },
    );
  });
}
