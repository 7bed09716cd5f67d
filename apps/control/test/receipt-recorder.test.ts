import { describe, expect, test } from '@jest/globals';
import type { Delivery } from '../src/projections/outbox.ts';
import { createReceiptRecorder } from '../src/projections/receipt-recorder.ts';

const delivery = (position: number): Delivery => ({
  event: { position, stream_id: 's', kind: 'k', payload: '', payload_hash: 'h', idempotency_key: `k${position}` },
  receipt: { outcome: 'appended', epoch: 'e', seq: BigInt(position) },
});

describe('receipt recorder', () => {
  test('I4 gathers what arrives during a transaction into the next one, in order, and loses none', async () => {
    const batches: number[][] = [];
    const record = createReceiptRecorder({
      async deliver(deliveries) {
        batches.push(deliveries.map(({ event }) => event.position));
        await new Promise((resolve) => setImmediate(resolve));
        return deliveries;
      },
    });
    const first = record([delivery(1)]);
    await new Promise((resolve) => process.nextTick(resolve));
    await Promise.all([first, record([delivery(2), delivery(3)]), record([]), record([delivery(4)])]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  test('tells of a failed transaction only those who are in it', async () => {
    let fail = true;
    const record = createReceiptRecorder({
      async deliver(deliveries) {
        await new Promise((resolve) => setImmediate(resolve));
        if (!fail) return deliveries;
        fail = false;
        throw new Error('disk full');
      },
    });
    const first = record([delivery(1)]);
    await new Promise((resolve) => process.nextTick(resolve));
    const second = record([delivery(2)]);
    await expect(first).rejects.toThrow('disk full');
    await expect(second).resolves.toBeUndefined();
  });
});
