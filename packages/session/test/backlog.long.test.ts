import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SyncEvent } from '@autopilot/sync-contract';
import { FakeHost } from '@autopilot/testing/fake-host';
import { Sim } from '@autopilot/testing/sim';
import { describe, expect, test } from '@jest/globals';
import { createSession, type ReplayProgress } from '../src/index.ts';
import { LongLog } from './support/long-log.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that are really in use. */
function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

describe('a long backlog and a slow owner', () => {
  test('I24: a million events are applied with flat memory, and it is told how far they are', async () => {
    const sim = new Sim();
    const host = new FakeHost(sim);
    const events = 1_000_000;
    const log = new LongLog(host, 's', events);
    const applyWindow = 2000;
    const session = createSession({
      token: async () => ({ token: 't', expires_at: sim.now + 3_600_000, uri: 'http://host.test', database: 'sync' }),
      ports: sim.ports,
      socket: host.socket,
      http: host.http,
      clientId: 'client-1',
      readMode: 'confirmed',
      applyWindow,
    });
    // The owner queues what comes and works it off by itself, 1,000 events every 10 ms: slower than pages could come.
    const queue: SyncEvent[] = [];
    let applied = 0n;
    let most = 0;
    session.listen((signal) => {
      if (signal.type !== 'batch') return;
      queue.push(...signal.events);
      most = Math.max(most, queue.length);
    });
    const progress: (ReplayProgress | undefined)[] = [];
    const memory: number[] = [];
    const work = () => {
      const batch = queue.splice(0, 1000);
      for (const { seq } of batch) {
        if (seq !== applied + 1n) throw new Error(`${seq} came after ${applied}`);
        applied = seq;
      }
      if (batch.length > 0) session.applied('s', { epoch: 'epoch-1', seq: applied });
      if (applied % 200_000n === 1000n) {
        memory.push(heap());
        progress.push(session.status().streams.s?.progress);
      }
      if (applied < log.length) sim.after(10, work);
    };
    session.follow('s', null);
    session.start();
    sim.after(10, work);
    await sim.until(() => applied === log.length, 'everything applied');
    await sim.until(() => session.state === 'live', 'live');
    memory.push(heap());
    // Never more in hand than the window.
    expect(most).toBeLessThanOrEqual(applyWindow);
    expect(session.status().streams.s).toMatchObject({ phase: 'live', unapplied: 0, held_since: undefined });
    expect(session.status().counters).toMatchObject({ replayed_events: events, attempts: 1, stalled_reads: 0 });
    // A page kept by mistake would be 200 KB, and all events 200 MB.
    expect(memory).toHaveLength(6);
    const [first = 0, ...rest] = memory;
    for (const bytes of rest) expect((bytes - first) / 1_000_000).toBeLessThan(4);
    for (const [index, told] of progress.entries()) {
      expect(told?.fraction).toBeCloseTo((index * 200_000 + 1000) / events, 2);
      expect(told).toMatchObject({ from: 0n, head: log.length });
      expect(told?.events_per_second).toBeGreaterThan(50_000);
      expect(told?.events_per_second).toBeLessThan(220_000);
      const left = (told?.remaining_ms ?? Number.NaN) / 10_000;
      expect(left).toBeGreaterThan(0.4 * (1 - (told?.fraction ?? 0)));
      expect(left).toBeLessThan(1.1);
    }
    let closed = false;
    void session.close().then(() => {
      closed = true;
    });
    await sim.until(() => closed);
    expect(sim.timers).toBe(0);
  }, 30_000);
});
