import {
  type CutoverConfig,
  type CutoverEvent,
  type CutoverState,
  defaultCutoverConfig,
  initialState,
  type TrustedKey,
} from '@autopilot/cutover-flags';
import type { Clock, Ports } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import { ControlError } from '../errors.ts';
import { randomUuid } from '../issuer/random-id.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Mirror } from '../mirror/create-mirror.ts';
import { repeat } from '../repeat.ts';
import type { BindingProbe } from '../spacetime/binding-probe.ts';
import type { Store } from '../store/open-store.ts';
import { storedNow } from '../store/stored-time.ts';
import { type Admissions, createAdmissions } from './admissions.ts';
import { type Cutover, createCutover } from './cutover.ts';
import { type CutoverClock, openCutoverClock } from './cutover-clock.ts';
import { type CutoverStore, openCutoverStore } from './cutover-store.ts';
import { createDrills, type Drills } from './drills.ts';
import { openOwnGateKey } from './gate-keys.ts';
import { createHeartbeats, type Heartbeats } from './heartbeats.ts';
import { createListening } from './listening.ts';
import { createModuleWatch } from './module-watch.ts';
import { createOwnGates, type OwnGates } from './own-gates.ts';
import { createOwnSignals } from './own-signals.ts';
import { openParityStore, type ParityStore } from './parity-store.ts';
import { createPolicyWaiters, type PolicyWaiters } from './policy-waiters.ts';
import { createReceiptStore, type ReceiptStore } from './receipt-store.ts';
import type { RecentChains } from './recent-chains.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';
import { createUnitStore, type UnitStore } from './unit-store.ts';

/** What of a cutover can be set. Times are milliseconds of the machine. */
export interface CutoverSettings {
  /** Which installation the policy is for; the issuer URL when missing. */
  readonly deployment?: string | undefined;
  readonly config?: CutoverConfig | undefined;
  /** Keys whose receipts are believed, beside control's own. */
  readonly gateKeys?: readonly TrustedKey[] | undefined;
  /** Commit of the source in use. */
  readonly commit?: string | undefined;
  /** The clock of soak, freshness and cooldown; that of the machine when missing. */
  readonly clock?: Clock | undefined;
  /** How many times as fast as that the cutover clock runs; for rehearsals. */
  readonly clockRate?: number | undefined;
  /** How often units report; 15,000. */
  readonly heartbeat?: number | undefined;
  /** How soon a unit reports again while a flip waits for it; 1,000. */
  readonly heartbeatInFlip?: number | undefined;
  /** How often what is under way is looked at; 1,000. */
  readonly supervise?: number | undefined;
  /** How often heartbeats are put together for the triggers; 5,000. */
  readonly observe?: number | undefined;
}

/** What the service is made of. */
export interface CutoverServiceOptions {
  readonly settings: CutoverSettings;
  readonly issuer: string;
  readonly store: Store;
  readonly ports: Ports;
  readonly mirror: Mirror;
  readonly probe: BindingProbe;
  readonly chains: RecentChains;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** The cutover with everything around it. */
export interface CutoverService {
  readonly cutover: Cutover;
  readonly config: CutoverConfig;
  readonly deployment: string;
  readonly clock: CutoverClock;
  readonly cutovers: CutoverStore;
  readonly units: UnitStore;
  readonly admissions: Admissions;
  readonly parity: ParityStore;
  readonly receipts: ReceiptStore;
  readonly trusted: readonly TrustedKey[];
  readonly drills: Drills;
  readonly gates: OwnGates;
  readonly heartbeats: Heartbeats;
  readonly supervisor: Supervisor;
  readonly waiters: PolicyWaiters;
  start(): void;
  stop(): Promise<void>;
}

/** Heartbeats that a unit may miss before it counts as silent. */
const missedHeartbeats = 3;

/** How often it is noted down that heartbeats are listened to: in a share of the time between two, milliseconds. */
const notesPerHeartbeat = 5;
const noteAtMostEvery = 50;
const noteAtLeastEvery = 1_000;

/** Requests for the policy that may wait for a new one: more units than that ask now and then. */
const mostWaiters = 12_000;

/** How long units, what they compared, and receipts are kept, milliseconds: far longer than anything looks back. */
const keepFor = 30 * 86_400_000;

/** How often what comes all the time is kept within its bound, and how often everything else is looked through. */
const trimEvery = 60_000;
const sweepEvery = 3_600_000;

/** How far back the own gates look, milliseconds of the cutover clock. */
const lookBack = 7 * 86_400_000;

/**
 * Opens the cutover of a store.
 *
 * @throws {ControlError} `clock_rate_changed`, `nothing_to_leave`.
 */
export async function openCutoverService(options: CutoverServiceOptions): Promise<CutoverService> {
  const { settings, store, ports, mirror, probe, metrics, logger } = options;
  const { clock: wall, scheduler } = ports;
  const rate = settings.clockRate ?? 1;
  const clock = await openCutoverClock(store, settings.clock ?? wall, rate);
  const config = acceleratedConfig(settings.config ?? defaultCutoverConfig, rate);
  const deployment = settings.deployment ?? options.issuer;
  const cutovers = await openCutoverStore(
    store,
    () =>
      initialState({
        deployment,
        salt: randomUuid(ports.random),
        stage: mirror.present ? 0 : 2,
        now: clock.now(),
        config,
      }),
    storedNow(wall),
  );
  const stored = (await cutovers.load()).state;
  if (!mirror.present && stored.stage < 2) {
    throw new ControlError('nothing_to_leave', `The cutover is in Stage ${stored.stage}, which has khala as a lane.`);
  }
  const ownKey = await openOwnGateKey(store);
  const trusted = [...(settings.gateKeys ?? []), ownKey.trusted];
  const units = createUnitStore(store, scheduler);
  const receipts = createReceiptStore(store, trusted);
  const drills = createDrills(store);
  const parity = await openParityStore(store, scheduler, clock);
  const module = createModuleWatch({
    store,
    probe,
    wall,
    failed: (error) => logger.error({ err: error }, 'the module could not be looked at'),
  });
  const admissions = createAdmissions(store);
  const waiters = createPolicyWaiters({ scheduler, most: mostWaiters });
  const heartbeat = settings.heartbeat ?? 15_000;
  const timing = { heartbeat, inFlip: Math.min(heartbeat, settings.heartbeatInFlip ?? 1_000) };

  function changed(state: CutoverState, events: readonly CutoverEvent[]): void {
    for (const { event } of events) {
      if (event === 'rolled_back' || event === 'cohort_rolled_back')
        metrics.count('cutover_rollbacks_total', { by: 'operator' });
      if (event === 'rolled_back_by_trigger') metrics.count('cutover_rollbacks_total', { by: 'trigger' });
      if (event === 'flip_undone') metrics.count('cutover_rollbacks_total', { by: 'timeout' });
    }
    mirror.want(state.stage < 3);
    waiters.tell(state.policy_revision);
    supervisor.nudge();
  }

  let emptied = false;

  async function seen(state: CutoverState): Promise<void> {
    mirror.want(state.stage < 3);
    waiters.tell(state.policy_revision);
    module.glance();
    if (state.status !== 'sealed' || emptied) return;
    await mirror.clear();
    emptied = true;
  }

  const silentAfter = heartbeat * missedHeartbeats;
  const listening = createListening({
    store,
    ports,
    every: Math.max(noteAtMostEvery, Math.min(noteAtLeastEvery, heartbeat / notesPerHeartbeat)),
    silentAfter,
    bound: keepFor,
    failed: (error) => logger.error({ err: error }, 'that control listens could not be noted down'),
  });
  const cutover = createCutover({
    store,
    cutovers,
    config,
    clock,
    wall,
    units,
    receipts,
    trusted,
    drills,
    mirror,
    probe: module.probe,
    commit: settings.commit ?? null,
    listening,
    silentAfter,
    logger,
    changed,
  });
  const supervisor = createSupervisor({
    cutover,
    units,
    drills,
    config,
    clock,
    wall,
    scheduler,
    logger,
    seen,
    every: settings.supervise ?? 1_000,
    observeEvery: settings.observe ?? 5_000,
    signals: createOwnSignals({ cutover, parity, receipts, metrics, clock, lookBack }),
  });
  const heartbeats = createHeartbeats({
    store,
    cutover,
    units,
    admissions,
    parity,
    chains: options.chains,
    clock,
    wall,
    metrics,
    timing,
    nudge: () => supervisor.nudge(),
  });
  const gates = createOwnGates({
    cutover,
    parity,
    drills,
    receipts,
    key: ownKey,
    clock,
    wall,
    lookBack,
    moduleSince: module.since,
  });
  // No plan takes one that is older than its gate allows: twice that is beyond all of them.
  const receiptsFor = 2 * Math.max(...Object.values(config.gates).map(({ max_age_ms }) => max_age_ms));
  mirror.want(stored.stage < 3);
  let stops: readonly (() => void)[] = [];
  return {
    cutover,
    config,
    deployment: stored.deployment,
    clock,
    cutovers,
    units,
    admissions,
    parity,
    receipts,
    trusted,
    drills,
    gates,
    heartbeats,
    supervisor,
    waiters,
    start() {
      listening.start();
      supervisor.start();
      const sweep = async () => {
        const now = storedNow(wall);
        await parity.sweep(now - keepFor, now);
        await units.forget(now - keepFor);
        await receipts.sweep({ receivedBefore: now - keepFor, observedBefore: clock.now() - receiptsFor });
        await listening.forget();
      };
      const failed = (error: unknown) => logger.error({ err: error }, 'housekeeping of the cutover failed');
      stops = [
        repeat(scheduler, sweepEvery, sweep, failed),
        repeat(scheduler, trimEvery, () => parity.trim(storedNow(wall)), failed),
      ];
    },
    async stop() {
      for (const stop of stops) stop();
      waiters.close();
      await listening.stop();
      await supervisor.stop();
    },
  };
}

/** Clients answer at the speed of the machine, whatever a rehearsal does to soaks and cooldowns. */
function acceleratedConfig(config: CutoverConfig, rate: number): CutoverConfig {
  if (rate === 1) return config;
  return { ...config, flip: { ...config.flip, ack_timeout_ms: config.flip.ack_timeout_ms * rate } };
}
