// The gate: a flip hands over at a cursor, in both directions, under load, with nothing lost and nothing repeated.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type CheckpointStore, openCheckpointStore } from '@autopilot/checkpoint';
import type { LaneId } from '@autopilot/sync-contract';
import { recordGateFacts } from '@autopilot/testing';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CommsRouter } from '../../src/comms/comms-router.ts';
import { appliedViewOf } from '../../src/sync/applied-view.ts';
import { createPipeline } from '../../src/sync/pipeline.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { memoryLog } from '../support/memory-log.ts';
import { decisionFor } from '../support/router-bench.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';
import { seeded } from '../support/seeded.ts';
import { SimulatedHost, SimulatedLane } from '../support/simulated-lane.ts';

const streams = ['runtime.gate.a', 'runtime.gate.b'];
const perStream = 400;

const decide = (lane: LaneId) => decisionFor(lane, { reason: 'gate' });

let folder: string;
let stores: CheckpointStore[];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'handover-'));
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** A desktop core, as far as the gate needs it. */
interface Core {
  readonly store: CheckpointStore;
  readonly router: CommsRouter;
  readonly view: ViewModel;
}

/** One journal that is mirrored to two hosts, and a desktop core over both, with its real store on disk. */
class World {
  readonly ports = manualPorts();
  readonly hosts = { khala: new SimulatedHost('khala'), spacetime: new SimulatedHost('spacetime') };
  readonly lanes: SimulatedLane[] = [];
  /** How many events each host is behind the journal. */
  readonly lag: Record<LaneId, number> = { khala: 0, spacetime: 0 };
  readonly #journal = streams
    .map((id) => eventsOf(id, 1, perStream))
    .reduce((one, two) => one.flatMap((event, index) => [event, two[index] ?? event]));
  readonly #random = seeded(7);
  readonly #places: Record<LaneId, number> = { khala: 0, spacetime: 0 };
  #produced = 0;
  handovers = 0;
  core: Core | undefined;

  async startCore(lane: LaneId): Promise<void> {
    const { ports } = this;
    const file = path.join(folder, 'checkpoints.sqlite');
    const scope = { environment: 'test', database: 'autopilot', account: 'alice' };
    const store = await openCheckpointStore({ ...ports, file, scope, synchronous: 'NORMAL' });
    stores.push(store);
    const open = (id: LaneId) => () => {
      const made = new SimulatedLane(this.hosts[id], ports, this.#random);
      this.lanes.push(made);
      return made;
    };
    const router = new CommsRouter({
      ...{ ports, log: memoryLog(), open: { khala: open('khala'), spacetime: open('spacetime') } },
      applied: appliedViewOf(() => store),
      limits: {
        dwellMs: 20,
        longestDwellMs: 200,
        retryMs: 20,
        longestRetryMs: 200,
        liveWithinMs: 1500,
        lookEveryMs: 5,
      },
    });
    const view = new ViewModel({
      clock: ports.clock,
      boot: { pid: 1, started_at: 0, build: 'test', environment: 'test' },
      lane: () => router.facts(),
      token: () => null,
      feed: () => null,
    });
    router.listen((signal) => {
      if (signal.type === 'state') view.laneState(signal);
    });
    const pipeline = createPipeline({ lane: router, store, view, acks: { note: () => {} }, ports, log: memoryLog() });
    router.decide(decide(lane), true);
    pipeline.granted(streams);
    router.start();
    this.core = { store, router, view };
  }

  /** The process is gone: nothing of it is told anything any more, and only the file is left. */
  async kill(): Promise<void> {
    const { router, store } = this.running();
    this.handovers += router.status().done;
    for (const lane of this.lanes) await lane.close();
    await store.close();
    this.core = undefined;
  }

  running() {
    if (this.core === undefined) throw new Error('no core is running');
    return this.core;
  }

  /** Time goes by under load: an event every 10 ms, mirrored to both hosts. */
  load(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 10) {
      if (this.#produced < this.#journal.length) this.#produced += 1;
      this.mirror();
      this.ports.advance(10);
    }
  }

  mirror(): void {
    for (const id of ['khala', 'spacetime'] as const) {
      const to = Math.max(this.#places[id], this.#produced - this.lag[id]);
      for (const event of this.#journal.slice(this.#places[id], to)) this.hosts[id].append(event);
      this.#places[id] = to;
    }
  }

  /** Decides for a lane and goes on until it is the active one. */
  flip(lane: LaneId): void {
    const { router } = this.running();
    router.decide(decide(lane), true);
    this.until(() => router.status().active === lane && router.state === 'live', `${lane} active`);
  }

  until(condition: () => boolean, what: string): void {
    for (let turn = 0; !condition(); turn += 1) {
      if (turn > 1000) throw new Error(`Waited in vain for: ${what}`);
      this.load(20);
    }
  }

  /** Everything is produced and mirrored, then judged by chain: the same events, in order, each once. */
  expectWhole(leastHandovers: number): void {
    this.load(10 * this.#journal.length);
    Object.assign(this.lag, { khala: 0, spacetime: 0 });
    this.mirror();
    this.ports.advance(60_000);
    const { store, router, view } = this.running();
    for (const stream of streams) {
      const expected = chainOf(stream, eventsOf(stream, 1, perStream));
      expect(store.load(stream)).toMatchObject({ seq: BigInt(perStream), chain: expected });
      expect(store.verify(stream)).toEqual({ outcome: 'consistent', events: perStream });
    }
    expect(store.counts()).toMatchObject({ refused_commits: 0, quarantined: 0, resets: 0 });
    expect(view.snapshot().totals).toMatchObject({ duplicates: 0, gaps: 0, conflicts: 0, stale: 0 });
    expect(this.handovers + router.status().done).toBeGreaterThanOrEqual(leastHandovers);
    recordGateFacts({ events: streams.length * perStream });
  }
}

const directions: [LaneId, LaneId][] = [
  ['khala', 'spacetime'],
  ['spacetime', 'khala'],
];

describe.each(directions)('from %s to %s', (from, to) => {
  test('under load', async () => {
    const world = new World();
    await world.startCore(from);
    world.load(800);
    world.flip(to);
    world.load(800);
    world.expectWhole(1);
  });

  test('while the next lane is behind', async () => {
    const world = new World();
    world.lag[to] = 60;
    await world.startCore(from);
    world.load(1500);
    world.running().router.decide(decide(to), true);
    world.load(500);
    // It reaches the position of the store only when its host has caught up.
    world.lag[to] = 0;
    world.flip(to);
    world.expectWhole(1);
  });

  test('while either lane is cut again and again', async () => {
    const world = new World();
    await world.startCore(from);
    world.load(500);
    world.running().router.decide(decide(to), true);
    for (let turn = 0; turn < 30; turn += 1) {
      world.load(30);
      world.lanes[turn % world.lanes.length]?.cut();
    }
    world.flip(to);
    world.expectWhole(1);
  });

  test('when the process dies in the middle of it, and starts again with the decision', async () => {
    const world = new World();
    await world.startCore(from);
    world.load(600);
    world.running().router.decide(decide(to), true);
    world.load(30);
    await world.kill();
    world.load(300);
    await world.startCore(to);
    world.until(() => world.running().router.status().active === to, `${to} active`);
    world.load(300);
    world.flip(from);
    world.expectWhole(1);
  });
});

test('there and back, twenty times', async () => {
  const world = new World();
  await world.startCore('khala');
  for (let turn = 0; turn < 10; turn += 1) {
    world.flip('spacetime');
    world.load(100);
    world.flip('khala');
    world.load(100);
  }
  world.expectWhole(20);
});
