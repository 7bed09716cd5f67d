import type { Delivery, Outbox } from './outbox.ts';

/** Stores receipts; resolves when they are on disk. */
export type RecordReceipts = (deliveries: readonly Delivery[]) => Promise<void>;

/**
 * Gathers the receipts that arrive while a transaction runs into the next one: with many streams in flight, one flush
 * to disk then serves all of them. Receipts of one stream keep their order.
 */
export function createReceiptRecorder(outbox: Pick<Outbox, 'deliver'>): RecordReceipts {
  let waiting: Delivery[] = [];
  let next: Promise<void> | undefined;
  let running: Promise<unknown> = Promise.resolve();

  async function flush(): Promise<void> {
    // A failure of the transaction before was told to those who waited for it.
    await running.catch(() => undefined);
    const taken = waiting;
    waiting = [];
    next = undefined;
    running = outbox.deliver(taken);
    await running;
  }

  return async (deliveries) => {
    if (deliveries.length === 0) return;
    waiting.push(...deliveries);
    next ??= flush();
    await next;
  };
}
