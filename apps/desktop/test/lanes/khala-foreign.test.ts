// The real khala lane, the router and the comparison on simulated time. What is in a mirrored stream of khala and was not
// mirrored there has to be a difference, wherever it stands and whichever lane is shown.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCheckpointStore } from '@autopilot/checkpoint';
import { defaultCutoverConfig, initialState, policyOf } from '@autopilot/cutover-flags';
import { differencesOf, mergeWindows, type ParityWindow } from '@autopilot/cutover-flags/parity';
import { type LaneId, streamIdForTopic, type SyncEvent } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { CommsRouter } from '../../src/comms/comms-router.ts';
import { memoryCursors } from '../../src/comms/khala-cursors.ts';
import { createParityFeed, parityToleranceMs } from '../../src/comms/parity-feed.ts';
import { openKhalaLane } from '../../src/lanes/khala.ts';
import { appliedViewOf } from '../../src/sync/applied-view.ts';
import { createPipeline } from '../../src/sync/pipeline.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { khalaInMemory } from '../support/khala-in-memory.ts';
import { memoryLog } from '../support/memory-log.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { decisionFor } from '../support/router-bench.ts';
import { chainOf, eventsOf, ScriptedLane } from '../support/scripted-lane.ts';

const worker = 'run:1:events';
const id = streamIdForTopic(worker);
const heartbeatMs = 1500;

/** One desktop on both lanes. `before` events were applied in an earlier run, so that no lane reads from the beginning. */
async function world(shown: LaneId, before = 0) {
  const ports = manualPorts();
  const khala = khalaInMemory(ports, worker);
  const folder = mkdtempSync(path.join(tmpdir(), 'foreign-test-'));
  const file = path.join(folder, 'checkpoints.sqlite');
  const scope = { environment: 'test', database: 'd', account: 'a' };
  const store = await openCheckpointStore({ ...ports, file, scope, synchronous: 'NORMAL' });
  const spacetime = new ScriptedLane();
  const config = defaultCutoverConfig;
  const policy = policyOf(initialState({ deployment: 'd', salt: 's', stage: 0, now: 0, config }));
  const parity = createParityFeed(ports, () => policy);
  const router = new CommsRouter({
    ...{ ports, log: memoryLog(), applied: appliedViewOf(() => store), observer: parity },
    open: {
      spacetime: () => spacetime,
      khala: () =>
        openKhalaLane({
          ...{ ports, http: khala.http, socket: khala.socket, url: 'http://khala.test', credential: undefined },
          ...{ cursors: memoryCursors(), follows: (stream) => router.follows(stream), beforeToken: async () => {} },
        }),
    },
  });
  const view = new ViewModel({
    clock: ports.clock,
    boot: { pid: 1, started_at: 0, build: 'test', environment: 'test' },
    lane: () => router.facts(),
    token: () => null,
    feed: () => null,
  });
  const mirror = (events: readonly SyncEvent[]) => {
    for (const { kind, payload, idempotency_key, epoch } of events) {
      const oa_mirror = { v: 1, epoch, idempotency_key };
      khala.append(`worker.${kind}`, { oa_mirror, body: JSON.parse(payload) });
    }
  };
  const earlier = eventsOf(id, 1, before);
  mirror(earlier);
  if (before > 0) {
    const at = { epoch: 'e1', expected_seq: 0n, seq: BigInt(before), chain: chainOf(id, earlier) };
    store.commit([{ stream_id: id, ...at, events: earlier }]);
  }
  const pipeline = createPipeline({
    ...{ lane: router, store, view, acks: { note: () => {} }, ports, log: memoryLog() },
  });
  pipeline.granted([id]);
  router.decide(decisionFor(shown), true);
  router.start();
  const windows: ParityWindow[] = [];
  const passes = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += heartbeatMs) {
      for (let step = 0; step < heartbeatMs; step += 50) await ports.advanceAsync(50);
      const window = parity.takeWindow();
      if (window !== null) windows.push(window);
    }
  };
  goLive(spacetime);
  await passes(heartbeatMs);
  return {
    ...{ khala, mirror, passes, windows, view },
    spacetime: (from: number, to: number) => spacetime.batch(eventsOf(id, from, to), 'live'),
    /** Events that both lanes have. */
    both(from: number, to: number) {
      mirror(eventsOf(id, from, to));
      spacetime.batch(eventsOf(id, from, to), 'live');
    },
    differences: () => (windows.length === 0 ? 0 : differencesOf(mergeWindows(windows))),
    matched: () => mergeWindows(windows).counts.match,
    async end() {
      pipeline.close();
      parity.close();
      const closed = router.close();
      await ports.advanceAsync(10_000);
      await closed;
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const foreign = { n: 10, text: 'nobody mirrored it' };
const enough = parityToleranceMs * 1.5;

describe.each(['khala', 'spacetime'] as const)('a foreign event in a mirrored stream, %s is shown', (shown) => {
  test.each([0, 20])('nothing foreign is no difference, after %i events of before', async (before) => {
    const it = await world(shown, before);
    it.both(before + 1, before + 10);
    await it.passes(enough);
    expect([it.matched(), it.differences()]).toEqual([10, 0]);
    await it.end();
  });

  test.each([
    ['in the place of an event that spacetime has', 0, 'earlier'],
    ['in the place of an event that spacetime has, after a restart', 20, 'earlier'],
    ['before spacetime has anything there', 0, 'later'],
    ['before spacetime has anything there, after a restart', 20, 'later'],
    ['at the end of the stream', 0, 'never'],
    ['at the end of the stream, after a restart', 20, 'never'],
  ] as const)('H18: it is one %s', async (_where, before, spacetime) => {
    const it = await world(shown, before);
    it.both(before + 1, before + 10);
    await it.passes(heartbeatMs);
    expect([it.matched(), it.differences()]).toEqual([10, 0]);
    if (spacetime === 'earlier') it.spacetime(before + 11, before + 20);
    it.khala.append('worker.item/completed', foreign);
    it.mirror(eventsOf(id, before + 12, before + 20));
    await it.passes(300);
    if (spacetime === 'later') it.spacetime(before + 11, before + 20);
    await it.passes(enough);
    expect(it.differences()).toBeGreaterThan(0);
    await it.end();
  });

  test.each([0, 20])('H18: one whose envelope is broken is one too, after %i events of before', async (before) => {
    const it = await world(shown, before);
    it.both(before + 1, before + 10);
    await it.passes(heartbeatMs);
    it.khala.append('worker.item/completed', { oa_mirror: { v: 2 }, body: foreign });
    await it.passes(enough * 2);
    expect(it.differences()).toBeGreaterThan(0);
    await it.end();
  });
});
