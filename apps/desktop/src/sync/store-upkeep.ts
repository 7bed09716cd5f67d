import { type CheckpointStore, compact } from '@autopilot/checkpoint';
import { type Cancel, isCodedError, type Scheduler } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { ViewModel } from '../view-model/view-model.ts';

/** What keeps the store within bounds, and a good copy of it beside it. */
export interface StoreUpkeep {
  /** Ends every timer; a copy under way is the store's to give up when it is closed. */
  close(): void;
}

export interface StoreUpkeepOptions {
  readonly store: CheckpointStore;
  readonly view: Pick<ViewModel, 'raise' | 'clear'>;
  readonly scheduler: Scheduler;
  readonly log: Log;
  /** So many of the last events of a stream can be compared with. Default 100,000: more than a host sends again. */
  readonly keep?: bigint;
}

/** One step blocks the thread for some ten milliseconds. */
const step = { limit: 1000, pages: 1000 };
const compactEveryMs = 60_000;
const nextStepMs = 250;
const firstCopyMs = 300_000;
const copyEveryMs = 3_600_000;

/**
 * Removes old events by small steps, and copies the store when something has been committed since the last copy: that is
 * where a damaged file is restored from.
 */
export function createStoreUpkeep(options: StoreUpkeepOptions): StoreUpkeep {
  const { store, view, scheduler, log, keep = 100_000n } = options;
  let closed = false;
  let copied: string | undefined;
  let damaged: readonly string[] = [];
  const failed = new Map<string, string>();

  /** Runs a part of the work; false when it failed: everything is as it was, and it is tried again at its next turn. */
  const guarded = async (part: 'compacted' | 'copied', work: () => void | Promise<void>): Promise<boolean> => {
    try {
      await work();
      failed.delete(part);
    } catch (error) {
      if (closed) return false;
      if (!isCodedError(error)) throw error;
      failed.set(part, `The event store could not be ${part} (${error.code}): ${error.message}`);
      log.error({ code: error.code, err: error }, `store not ${part}`);
    }
    // One part that works does not hide the other that does not.
    const [message] = failed.values();
    if (message === undefined) view.clear('store_upkeep_failed');
    else view.raise('store_upkeep_failed', message);
    return !failed.has(part);
  };
  const trim = async () => {
    let delay = compactEveryMs;
    await guarded('compacted', () => {
      const report = compact(store, { ...step, keep });
      if (report.more) delay = nextStepMs;
      if (report.removed_events > 0) log.info({ ...report }, 'store compacted');
      for (const id of damaged) if (!report.damaged.includes(id)) view.clear('store_damaged', id);
      for (const id of report.damaged) {
        view.raise('store_damaged', `The stored events of ${id} do not give its chain; none of them was removed.`, id);
      }
      damaged = report.damaged;
    });
    if (!closed) cancelTrim = scheduler.after(delay, () => void trim());
  };
  const copy = async () => {
    const content = contentOf(store);
    const done =
      content === copied ||
      (await guarded('copied', async () => {
        const { bytes } = await store.backup();
        log.info({ bytes }, 'store copied');
      }));
    if (done) copied = content;
    if (!closed) cancelCopy = scheduler.after(copyEveryMs, () => void copy());
  };
  let cancelTrim: Cancel = scheduler.after(compactEveryMs, () => void trim());
  let cancelCopy: Cancel = scheduler.after(firstCopyMs, () => void copy());
  return {
    close() {
      closed = true;
      cancelTrim();
      cancelCopy();
    },
  };
}

/** Another text when something has been written that a copy does not have. */
function contentOf(store: CheckpointStore): string {
  const { commits, resets, resets_overflow, quarantined, quarantine_overflow } = store.counts();
  return JSON.stringify({ commits, resets, resets_overflow, quarantined, quarantine_overflow });
}
