import type { Clock } from '@autopilot/sync-contract';
import type { Metrics } from '../metrics/registry.ts';
import type { Store } from '../store/open-store.ts';
import type { StreamRow } from '../store/schema.ts';
import { storedNow } from '../store/stored-time.ts';
import type { Admissions } from './admissions.ts';
import { comparisonResults, type ParityWindow } from '@autopilot/cutover-flags/parity';
import { type Cutover, published } from './cutover.ts';
import type { CutoverClock } from './cutover-clock.ts';
import { driftOf } from './drift.ts';
import type { Heartbeat } from './heartbeat-request.ts';
import { ranOf, withinKnownTime } from './held-window.ts';
import type { ParityStore } from './parity-store.ts';
import type { RecentChains } from './recent-chains.ts';
import type { StoredHeartbeat, UnitStore } from './unit-store.ts';

/** What taking heartbeats needs. */
export interface HeartbeatsOptions {
  readonly store: Store;
  readonly cutover: Cutover;
  readonly units: UnitStore;
  readonly admissions: Admissions;
  readonly parity: ParityStore;
  readonly chains: RecentChains;
  readonly clock: CutoverClock;
  readonly wall: Clock;
  readonly metrics: Metrics;
  readonly timing: { readonly heartbeat: number; readonly inFlip: number };
  readonly nudge: () => void;
}

/** What a unit gets for a heartbeat. */
export interface HeartbeatAnswer {
  readonly policy_revision: number;
  /** When to report next. */
  readonly next_ms: number;
}

/** Takes what units say of themselves. */
export interface Heartbeats {
  take(clientId: string, heartbeat: Heartbeat): Promise<HeartbeatAnswer>;
  /** Stores a window; false when it is known. */
  compare(unit: string, window: ParityWindow): Promise<boolean>;
  /** When a unit that has the present policy reports again. */
  readonly usual: number;
}

type Head = Pick<StreamRow, 'stream_id' | 'epoch' | 'last_seq' | 'chain'>;

/** Heartbeats into the store. */
export function createHeartbeats(options: HeartbeatsOptions): Heartbeats {
  const { store, cutover, units, admissions, parity, chains, clock, wall, metrics, timing } = options;

  /**
   * Compares what a unit has applied with what control has delivered, where control knows: chains position by position,
   * and how far the unit is behind. Its own word on that is worth nothing when what it reads from has stopped.
   */
  async function compareStreams(streams: NonNullable<Heartbeat['streams']>) {
    const chainCounts = { equal: 0, different: 0 };
    const heads = await headsOf(streams.map(({ stream_id }) => stream_id));
    let lag: bigint | null = null;
    for (const { stream_id, epoch, seq, chain } of streams) {
      const head = heads.get(stream_id);
      const same = head !== undefined && head.epoch === epoch && head.last_seq !== null;
      if (same) {
        const behind = BigInt(head.last_seq ?? 0) - BigInt(seq);
        lag = (lag ?? 0n) + (behind > 0n ? behind : 0n);
      }
      const own = chains.at(stream_id, epoch, seq) ?? (same && head.last_seq === seq ? head.chain : null);
      if (own === null) continue;
      if (own === chain) chainCounts.equal += 1;
      else chainCounts.different += 1;
    }
    return { chains: chainCounts, lag_seen: lag === null ? null : Number(lag) };
  }

  async function headsOf(ids: readonly string[]) {
    if (ids.length === 0) return new Map<string, Head>();
    const query = store.db.selectFrom('stream').select(['stream_id', 'epoch', 'last_seq', 'chain']);
    const rows: Head[] = await query.where('stream_id', 'in', [...new Set(ids)]).execute();
    return new Map(rows.map((row) => [row.stream_id, row]));
  }

  /** Of a unit that has never reported nothing is known: neither since when, nor what it runs. */
  async function compare(unit: string, window: ParityWindow): Promise<boolean> {
    const query = store.db.selectFrom('cutover_unit').select(['first_seen', 'heartbeat']).where('unit', '=', unit);
    const row = await query.executeTakeFirst();
    const packages = row && (JSON.parse(row.heartbeat) as StoredHeartbeat).packages;
    return keep(unit, window, row?.first_seen ?? storedNow(wall), packages);
  }

  async function keep(unit: string, window: ParityWindow, firstSeen: number, packages: Heartbeat['packages']) {
    const held = { window: withinKnownTime(window, firstSeen, storedNow(wall)), ran: ranOf(packages) };
    const added = await parity.add(unit, window, held);
    if (!added) return false;
    const { pair } = window;
    for (const result of comparisonResults) {
      metrics.count('cutover_parity_comparisons_total', { pair, result }, window.counts[result]);
    }
    return true;
  }

  return {
    usual: timing.heartbeat,
    compare,
    async take(clientId, { parity: window, streams = [], ...heartbeat }) {
      const state = await cutover.recent();
      const policy = published(state, clock);
      const now = storedNow(wall);
      const compared = await compareStreams(streams);
      const drift = driftOf({
        heartbeat,
        policy,
        admitted: await admissions.has(heartbeat.unit, policy),
        chainsDiffer: compared.chains.different > 0,
        now,
      });
      const before = await units.beat({ client_id: clientId, heartbeat, drift, ...compared, at: now });
      if (window !== undefined) await keep(heartbeat.unit, window, before?.first_seen ?? now, heartbeat.packages);
      // Once in a use, and again in each cycle that it lasts into.
      const told =
        before?.heartbeat.fallback_used === true && before.last_seen >= clock.toWall(state.release_cycles.since);
      if (heartbeat.fallback_used && !told) await used(heartbeat.unit, state.fallback);
      const flipping = state.status === 'flipping';
      if (flipping && heartbeat.policy_revision !== before?.heartbeat.policy_revision) options.nudge();
      // One that has acknowledged has nothing to tell soon: ten thousand of them would keep the others waiting.
      const awaited = flipping && (heartbeat.policy_revision ?? -1) < state.policy_revision;
      return { policy_revision: state.policy_revision, next_ms: awaited ? timing.inFlip : timing.heartbeat };
    },
  };

  async function used(unit: string, fallback: { readonly units: 'all' | readonly string[] } | null): Promise<void> {
    const cohort = fallback === null ? 'none' : fallback.units === 'all' ? 'all' : 'listed';
    await store.db.insertInto('cutover_fallback_use').values({ unit, cohort, at: clock.now() }).execute();
    metrics.count('cutover_fallback_use_total', { cohort });
  }
}
