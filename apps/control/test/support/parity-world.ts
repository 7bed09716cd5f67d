import { initialState } from '@autopilot/cutover-flags';
import type { ComparisonPair } from '@autopilot/cutover-flags/parity';
import type { Scheduler } from '@autopilot/sync-contract';
import type { CutoverClock } from '../../src/cutover/cutover-clock.ts';
import type { HeldWindow } from '../../src/cutover/held-window.ts';
import { openParityStore, type ParityStore } from '../../src/cutover/parity-store.ts';
import type { ParityBounds } from '../../src/cutover/parity-trim.ts';
import { windowOf } from '../../src/cutover/parity-window.ts';
import type { Store } from '../../src/store/open-store.ts';
import { quickConfig } from './cutover-fixtures.ts';

/** Bounds that a test reaches. */
export const smallBounds: ParityBounds = { withSamples: 2, withoutSamples: 3, buckets: 10_000, units: 10_000 };

/** A scheduler without pauses. */
const atOnce: Scheduler = {
  after(_milliseconds, task) {
    const planned = setImmediate(task);
    return () => clearImmediate(planned);
  },
};

/** A window as a unit tells it, with what it ran. */
export interface Told {
  readonly unit: string;
  readonly pair: ComparisonPair;
  readonly from: number;
  readonly to: number;
  readonly counts: Parameters<typeof windowOf>[0]['counts'];
  readonly ran: string | null;
  readonly samples?: readonly unknown[];
}

/** Comparisons in a store, at a time that the test moves. */
export class ParityWorld {
  now = 1_800_000_000_000;
  version = 0;
  shareSince = 0;
  moduleSince: number | null = null;
  readonly clock: CutoverClock;
  readonly stores: readonly Store[];
  readonly replicas: ParityStore[] = [];
  readonly bounds: ParityBounds;

  private constructor(stores: readonly Store[], rate: number, bounds: ParityBounds) {
    this.stores = stores;
    this.bounds = bounds;
    const began = this.now;
    this.clock = {
      now: () => began + (this.now - began) * rate,
      rate,
      toWall: (time) => Math.floor(began + (time - began) / rate),
      fromWall: (time) => Math.floor(began + (time - began) * rate),
    };
  }

  /** Stores with what was compared in them; they may be of one database. */
  static async over(stores: readonly Store[]): Promise<ParityWorld> {
    const world = new ParityWorld(stores, 1, smallBounds);
    await world.reopen();
    return world;
  }

  /** Stores that nothing was compared in. */
  static async open(stores: readonly Store[], rate = 1, bounds = smallBounds): Promise<ParityWorld> {
    const world = new ParityWorld(stores, rate, bounds);
    const { db } = world.store;
    await db.deleteFrom('cutover_parity').execute();
    await db.deleteFrom('cutover_parity_bucket').execute();
    await db.deleteFrom('cutover_parity_unit').execute();
    await db.deleteFrom('meta').where('key', '=', 'cutover_module').execute();
    await world.changeShare();
    await world.reopen();
    return world;
  }

  get store(): Store {
    return this.stores[0] as Store;
  }

  get parity(): ParityStore {
    return this.replicas[0] as ParityStore;
  }

  /** Opens what is there, all replicas at once. */
  async reopen(): Promise<void> {
    const opened = this.stores.map((store) => openParityStore(store, atOnce, this.clock, this.bounds));
    this.replicas.splice(0, this.replicas.length, ...(await Promise.all(opened)));
  }

  /** The share of the units changes now. */
  async changeShare(): Promise<void> {
    this.shareSince = this.now;
    const first = initialState({ deployment: 'd', salt: 's', stage: 0, now: this.now, config: quickConfig });
    const state = JSON.stringify({ ...first, cohort_since: this.clock.now() });
    this.version += 1;
    const { version } = this;
    const row = { id: 1, version, revision: 1, told_revision: 1, updated_at: this.now };
    await this.store.db
      .insertInto('cutover_state')
      .values({ ...row, state })
      .onConflict((c) => c.column('id').doUpdateSet({ version, state }))
      .execute();
  }

  /** Another module is in use from now on. */
  async changeModule(): Promise<void> {
    this.moduleSince = this.now;
    const value = JSON.stringify({ schema: `sha256:${this.now}`, since: this.now });
    await this.store.db
      .insertInto('meta')
      .values({ key: 'cutover_module', value })
      .onConflict((c) => c.column('key').doUpdateSet({ value }))
      .execute();
  }

  /** Whether it was counted. */
  tell(told: Told, replica = 0): Promise<boolean> {
    const held = heldOf(told);
    const by = this.replicas[replica % this.replicas.length] as ParityStore;
    return by.add(told.unit, told, held);
  }
}

/** The window that is stored of a told one. */
export function heldOf({ pair, from, to, counts, ran, samples = [] }: Told): HeldWindow {
  return { ran, window: windowOf({ pair, from, to, counts, samples }) };
}
