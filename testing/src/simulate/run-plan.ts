import { settle } from '../fake-host/sim.ts';
import { applyStep } from './apply-step.ts';
import type { Disk } from './disk.ts';
import { faultKinds } from './draw-fault.ts';
import { Crashed } from './owner-store.ts';
import type { FaultKind, Plan } from './plan.ts';
import type { Report, Violation } from './report.ts';
import { soundWiring, type Wiring } from './wiring.ts';
import { World } from './world.ts';

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly faults: Report['faults'];
  readonly seen: Report['seen'];
  /** Simulated. */
  readonly milliseconds: number;
  /** Empty unless it was asked for. */
  readonly trace: readonly string[];
}

/** How a run is made. */
export interface RunOptions {
  readonly disk: Disk;
  readonly wiring?: Wiring;
  readonly traced?: boolean;
}

/** After the last fault a client may need so long: the longest pauses of session, store and host one after the other. */
const repairMs = 300_000;
/** A person looks so often after what stands still. */
const lookMs = 20_000;
/** An event on a quiet, sound lane is there after two polls at the latest. */
const quietMs = 30_000;
/** More than any run needs: what goes on beyond it runs in a circle. */
const mostTasks = 200_000;

/** Runs a plan from its start to a closed client. The same plan gives the same result, its trace included. */
export async function runPlan(
  plan: Plan,
  { disk, wiring = soundWiring, traced = false }: RunOptions,
): Promise<RunResult> {
  const run = new Run(plan, new World(plan, disk, wiring, traced));
  await run.whole();
  // Node frees what a closed database held in turns of its event loop only, and a run takes none.
  await new Promise((resolve) => setImmediate(resolve));
  const { report, sim } = run.world;
  const { violation, faults, seen, lines } = report;
  return { seed: plan.seed, violation, faults, seen, milliseconds: sim.now - run.start, trace: lines };
}

class Run {
  readonly world: World;
  readonly start: number;
  readonly #plan: Plan;
  #tasks = 0;

  constructor(plan: Plan, world: World) {
    this.#plan = plan;
    this.world = world;
    this.start = world.sim.now;
  }

  async whole(): Promise<void> {
    const { world } = this;
    try {
      await this.#faulty();
      await this.#repaired();
      await this.#closed();
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.report.fail('crash', text);
    }
    world.dispose();
    await this.#idle();
  }

  /** The time in which things go wrong. */
  async #faulty(): Promise<void> {
    const { world } = this;
    for (const step of this.#plan.steps) {
      world.sim.after(step.at, () => {
        const { at, ...rest } = step;
        world.report.trace('plan', () => JSON.stringify(rest));
        world.suspicion.step(step);
        if (isFault(step.do)) world.report.fault(step.do);
        applyStep(world, step);
      });
    }
    world.start();
    await this.#until(() => false, this.#plan.lengthMs);
  }

  /** Everything is in order again: the client has to come to the head of every stream, and to stay there. */
  async #repaired(): Promise<void> {
    const { world } = this;
    world.report.trace('plan', () => 'everything is repaired');
    world.repair();
    this.#appendToAll();
    const cancel = this.#lookAgain();
    if (!(await this.#until(() => this.#isCaughtUp(), repairMs))) this.#fail(`within ${repairMs} ms`);
    cancel();
    this.#appendToAll();
    if (!(await this.#until(() => this.#isCaughtUp(), quietMs))) this.#fail(`within ${quietMs} ms of a quiet lane`);
    if (world.client !== undefined) world.oracle.whole(world.client.store);
  }

  /** A client that was closed leaves nothing behind, and hears nothing. */
  async #closed(): Promise<void> {
    const { world } = this;
    world.stop(undefined);
    if (!(await this.#until(() => world.client === undefined, 60_000))) {
      world.report.fail('clean-close', 'close() has not resolved within a minute.');
    }
    if (world.server.host.open.some((connection) => !connection.frozen)) {
      world.report.fail('clean-close', 'The host still has a connection of the closed client.');
    }
    this.#appendToAll();
    await this.#until(() => false, 60_000);
  }

  #appendToAll(): void {
    for (const { id } of this.world.settings.streams) this.world.server.append(id, 2, true, false);
  }

  #lookAgain(): () => void {
    const { world } = this;
    let cancel = world.sim.after(lookMs, () => {
      world.look();
      cancel = this.#lookAgain();
    });
    return () => cancel();
  }

  #isCaughtUp(): boolean {
    const { world } = this;
    if (world.client?.session.state !== 'live') return false;
    const grants = world.client.session.grants.map(({ stream_id }) => stream_id);
    if (grants.sort().join() !== world.server.granted.toSorted().join()) return false;
    for (const id of world.wanted) {
      const stream = world.server.host.streams.get(id);
      const place = world.oracle.place(id);
      if (stream === undefined) continue;
      // Of a stream without a single event, nothing need be stored.
      const head = BigInt(stream.events.length);
      if (place === undefined ? head > 0n : place.epoch !== stream.epoch || place.seq !== head) return false;
    }
    return true;
  }

  #fail(when: string): void {
    const { world } = this;
    const streams = [...world.wanted].map((id) => {
      const stream = world.server.host.streams.get(id);
      const place = world.oracle.place(id);
      const at = place === undefined ? 'nothing' : `${place.epoch}:${place.seq}`;
      return `${id} at ${at} of ${stream?.epoch}:${stream?.events.length}`;
    });
    const { client } = world;
    const state =
      client === undefined
        ? 'no client'
        : `session ${client.session.state} with ${client.session.grants.length} of ${world.server.granted.length} grants`;
    world.report.fail('catch-up', `Not caught up ${when}: ${state}; ${streams.join(', ')}.`);
  }

  /** Lets things happen until a condition holds; false when it does not within so many milliseconds, or a rule broke. */
  async #until(condition: () => boolean, milliseconds: number): Promise<boolean> {
    const { world } = this;
    const { sim, report } = world;
    const end = sim.now + milliseconds;
    for (;;) {
      await this.#idle();
      if (report.violation !== undefined) return true;
      if (condition()) return true;
      this.#tasks += 1;
      if (this.#tasks > mostTasks) {
        report.fail('storm', `More than ${mostTasks} things have happened.`);
        return true;
      }
      try {
        if (!sim.step(end)) break;
      } catch (error) {
        if (!(error instanceof Crashed)) throw error;
      }
    }
    sim.sleep(Math.max(0, end - sim.now));
    return false;
  }

  async #idle(): Promise<void> {
    const { world } = this;
    await settle();
    while (world.busy !== undefined) await world.busy;
  }
}

const faultNames: ReadonlySet<string> = new Set(faultKinds);

function isFault(name: string): name is FaultKind {
  return faultNames.has(name);
}
