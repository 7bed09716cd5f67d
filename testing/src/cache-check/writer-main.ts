// One writer of the cache check: makes writes with numbers of its own, and notes which of them were acknowledged. The
// connection reads confirmed, so that an acknowledgement says that the transaction is durable.
import { appendFileSync } from 'node:fs';
import { draftEvent } from '@autopilot/sync-contract';
import { configOfParent } from './parent.ts';
import { seededRandom } from './random.ts';
import { openSession } from './session-options.ts';
import { accounts } from './sizes.ts';
import { streamIds } from './stream-ids.ts';
import type { WriterConfig } from './subscriber-config.ts';

/** Calls under way at once. */
const inFlight = 8;

let stopped = false;
const config = await configOfParent<WriterConfig>((line) => {
  stopped ||= line === 'stop';
});
const { writer, record, rate, seed } = config;
const random = seededRandom(seed + writer);
const session = openSession({ ...config, reads: 'confirmed', name: `writer-${writer}` });
session.start();

/** One write. The session repeats it when its answer was lost; the module recognises it and does it once. */
async function write(nonce: number): Promise<void> {
  const deadlineMs = 600_000;
  if (config.workload === 'tables') {
    await session.call('transfer', args(nonce), { idempotencyKey: `${nonce}`, deadlineMs });
    return;
  }
  const stream_id = streamIds[random.between(0, streamIds.length - 1)] as string;
  const event = { stream_id, kind: 'check', payload: { writer, nonce }, idempotency_key: `${writer}:${nonce}` };
  await session.appendSyncEvent(draftEvent(event), undefined, { deadlineMs });
}

function args(nonce: number): Uint8Array {
  const source = random.between(0, accounts - 1);
  const target = (source + random.between(1, accounts - 1)) % accounts;
  const view = new DataView(new ArrayBuffer(28));
  view.setUint32(0, writer, true);
  view.setBigUint64(4, BigInt(nonce), true);
  view.setUint32(12, source, true);
  view.setUint32(16, target, true);
  view.setBigUint64(20, BigInt(random.between(1, 100)), true);
  return new Uint8Array(view.buffer);
}

const underWay = new Set<Promise<void>>();
const started = performance.now();
for (let nonce = 1; !stopped; nonce += 1) {
  const early = started + (nonce * 1000) / rate - performance.now();
  // An early writer waits; a late one, after a fault, goes on at once.
  if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
  if (underWay.size >= inFlight) await Promise.race(underWay);
  const call: Promise<void> = write(nonce)
    .then(
      () => appendFileSync(record, `{"acknowledged":${nonce}}\n`),
      (error: Error) => appendFileSync(record, `${JSON.stringify({ failed: nonce, message: error.message })}\n`),
    )
    .finally(() => underWay.delete(call));
  underWay.add(call);
}
await Promise.all(underWay);
appendFileSync(record, '{"done":true}\n');
await session.close();
process.exit(0);
