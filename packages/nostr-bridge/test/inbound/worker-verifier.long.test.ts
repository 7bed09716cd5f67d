import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { verifyByNoble } from '../../src/inbound/noble-verify.ts';
import { loadWasmVerify } from '../../src/inbound/wasm-verify.ts';
import { type NostrEvent, nodeVerifyWorkers, type SpawnVerifyWorker, WorkerVerifier } from '../../src/index.ts';
import { sign } from '../support/events.ts';

const good = sign();
const other = sign({ content: 'other' });
/** Each with one thing wrong, and of the right form. */
const forged: NostrEvent[] = [
  { ...good, sig: other.sig },
  { ...good, pubkey: 'f'.repeat(64) },
  { ...good, sig: '0'.repeat(128) },
  { ...good, sig: 'f'.repeat(128) },
  { ...good, id: other.id },
];

describe('the verifiers', () => {
  test('I7 both refuse what is forged and take what is good, up to the largest event', async () => {
    const wasm = await loadWasmVerify();
    const large = sign({ content: 'x'.repeat(128 * 1024) });
    for (const verify of [wasm, verifyByNoble]) {
      expect([good, other, large].map(verify)).toEqual([true, true, true]);
      expect(forged.map(verify)).toEqual(forged.map(() => false));
      // After what was wrong, what is good is still good.
      expect(verify(good)).toBe(true);
    }
  });

  test('I7 real threads answer every batch, in the order of its events', async () => {
    const verifier = new WorkerVerifier({ ports: systemPorts, spawn: nodeVerifyWorkers, workers: 2, batchMs: 20_000 });
    try {
      const batches = [[good, ...forged], [other], [], [forged[0] as NostrEvent, good]];
      expect(await Promise.all(batches.map((batch) => verifier.verify(batch)))).toEqual([
        [true, false, false, false, false, false],
        [true],
        [],
        [false, true],
      ]);
      expect(verifier.counters).toMatchObject({ batches: 4, worker_failures: 0, checked_here: 0 });
    } finally {
      await verifier.close();
    }
  });
});

/** Threads that a test drives. */
function fakeWorkers() {
  const workers: { handlers: Parameters<SpawnVerifyWorker>[0]; sent: number[]; isEnded: boolean }[] = [];
  const spawn: SpawnVerifyWorker = (handlers) => {
    const worker = { handlers, sent: [] as number[], isEnded: false };
    workers.push(worker);
    return {
      send: ({ number }) => void worker.sent.push(number),
      terminate: async () => {
        worker.isEnded = true;
        handlers.ended();
      },
    };
  };
  return { workers, spawn };
}
const settle = async (ports: ReturnType<typeof manualPorts>) => {
  for (let turn = 0; turn < 20; turn += 1) await ports.advanceAsync(0);
};

describe('threads that fail', () => {
  test('I8 a batch of a thread that dies is checked here, and the thread comes back after a pause', async () => {
    const ports = manualPorts({ draw: 0.999_999 });
    const { workers, spawn } = fakeWorkers();
    const verifier = new WorkerVerifier({ ports, spawn, workers: 1, batchMs: 1_000 });
    const batch = verifier.verify([good, ...forged]);
    workers[0]?.handlers.ended();
    await settle(ports);
    expect(await batch).toEqual([true, false, false, false, false, false]);
    expect(workers).toHaveLength(1);
    // While there is no thread nobody waits for one.
    const second = verifier.verify([good]);
    await settle(ports);
    expect(await second).toEqual([true]);
    await ports.advanceAsync(500);
    expect([workers.length, verifier.counters.worker_failures]).toEqual([2, 1]);
    const third = verifier.verify([good]);
    workers[1]?.handlers.answered({ number: workers[1].sent[0] ?? 0, results: [true] });
    expect(await third).toEqual([true]);
  });

  test('I8 a thread that takes too long is ended; what it says then is not believed', async () => {
    const ports = manualPorts();
    const { workers, spawn } = fakeWorkers();
    const verifier = new WorkerVerifier({ ports, spawn, workers: 1, batchMs: 1_000 });
    const batch = verifier.verify([forged[0] as NostrEvent]);
    await ports.advanceAsync(1_000);
    expect(workers[0]?.isEnded).toBe(true);
    workers[0]?.handlers.answered({ number: workers[0].sent[0] ?? 0, results: [true] });
    await settle(ports);
    expect(await batch).toEqual([false]);
  });

  test('I8 an answer of another length is none, and a thread that cannot be started is done without', async () => {
    const ports = manualPorts();
    const { workers, spawn } = fakeWorkers();
    const verifier = new WorkerVerifier({ ports, spawn, workers: 1, batchMs: 1_000 });
    const batch = verifier.verify([forged[0] as NostrEvent]);
    workers[0]?.handlers.answered({ number: workers[0].sent[0] ?? 0, results: [true, true] });
    await settle(ports);
    expect(await batch).toEqual([false]);
    const without = new WorkerVerifier({
      ports,
      spawn: () => {
        throw new Error('no threads');
      },
      workers: 2,
      batchMs: 1_000,
    });
    const here = without.verify([good]);
    await settle(ports);
    expect(await here).toEqual([true]);
    await verifier.close();
    await without.close();
  });
});
