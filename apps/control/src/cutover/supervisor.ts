import { type CutoverConfig, type CutoverState, nextDue } from '@autopilot/cutover-flags';
import { type Clock, isCodedError, type Scheduler } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import { type Cutover, controlActor } from './cutover.ts';
import type { CutoverClock } from './cutover-clock.ts';
import type { Drills } from './drills.ts';
import type { Signals } from './own-signals.ts';
import type { UnitStore } from './unit-store.ts';

/** What the supervisor works with. Times are milliseconds. */
export interface SupervisorOptions {
  readonly cutover: Cutover;
  readonly units: UnitStore;
  readonly drills: Drills;
  readonly config: CutoverConfig;
  readonly clock: CutoverClock;
  readonly wall: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** What is measured elsewhere than in heartbeats, given what was measured in them. */
  readonly signals: (fleet: Signals) => Promise<Signals>;
  /** Told of the state at every look, so that what follows from it holds after a crash and on every replica. */
  readonly seen: (state: CutoverState) => Promise<void>;
  readonly every: number;
  /** Heartbeats are put together and triggers asked no more often than this. */
  readonly observeEvery: number;
}

/** Heartbeats of a flip nudge all the time: it looks no more often than this. */
const nudgeEvery = 100;

/** Goes on with what is under way: acknowledgements, timeouts, drills, triggers. */
export interface Supervisor {
  start(): void;
  /** Looks now rather than later. */
  nudge(): void;
  stop(): Promise<void>;
}

/**
 * A supervisor. It holds nothing: what is under way is read from the store at every look, so after a crash, or on another
 * replica, a flip goes on or is undone from where it was.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { cutover, units, drills, config, clock, wall, scheduler, logger } = options;
  let observedAt = Number.NEGATIVE_INFINITY;
  let observingTook = 0;
  let stopped = true;
  /** Asked to look soon: while it looks, and while the next look is planned for soon already. */
  let again = false;
  let soon = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let cancel = () => {};
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    const state = await cutover.state();
    await options.seen(state);
    if (state.status === 'sealed') return;
    if (state.status === 'flipping' && state.flip?.publication) {
      const { policy_revision, expected, acknowledged } = state.flip.publication;
      const seen = await units.acknowledged(await cutover.liveSince(), policy_revision, state.policy_revision);
      if (seen.expected !== expected || seen.acknowledged !== acknowledged) {
        const reason = 'Heartbeats of the units.';
        await command({ type: 'acknowledge', ...seen, reason });
      }
    }
    // Of the state that was looked at: a flip that began since has not been asked for its acknowledgements yet.
    const due = nextDue(state, config);
    if (due !== null && clock.now() >= due) await command({ type: 'timeout', reason: 'Its time is up.' });
    if ((await drills.open()) !== undefined) {
      const live = await cutover.liveUnits();
      await drills.watch(await cutover.state(), new Map(live.map((unit) => [unit.unit, unit])), clock.now());
    }
    const at = wall.monotonic();
    if (
      (state.stage === 1 || state.stage === 2) &&
      at - observedAt >= Math.max(options.observeEvery, observingTook * 10)
    ) {
      observedAt = at;
      const { signals } = await cutover.fleet();
      await command({
        type: 'observe',
        signals: { ...signals, ...(await options.signals(signals)) },
        reason: 'Measured.',
      });
      // Of many units it takes long: no more than a tenth of the time is for it.
      observingTook = wall.monotonic() - at;
    }
  }

  async function command(
    body:
      | { type: 'acknowledge'; expected: number; acknowledged: number; reason: string }
      | { type: 'timeout'; reason: string }
      | { type: 'observe'; signals: Readonly<Record<string, number | null>>; reason: string },
  ): Promise<void> {
    try {
      await cutover.command(controlActor, { ...body, revision: 0, idempotency_key: null });
    } catch (error) {
      // Somebody else has done it, or there is nothing to do any more.
      if (isCodedError(error) && ['not_due', 'not_now', 'state_conflict', 'sealed'].includes(error.code)) return;
      throw error;
    }
  }

  function turn(): void {
    cancel();
    soon = false;
    if (stopped || running !== undefined) return;
    running = look()
      .catch((error: unknown) => logger.error({ err: error }, 'the cutover could not be looked at'))
      .finally(() => {
        running = undefined;
        if (stopped) return;
        lookedAt = wall.monotonic();
        cancel = scheduler.after(again ? Math.min(nudgeEvery, options.every) : options.every, turn);
        soon = again;
        again = false;
      });
  }

  return {
    start() {
      if (!stopped) return;
      stopped = false;
      turn();
    },
    nudge() {
      if (stopped || soon) return;
      if (running !== undefined) {
        again = true;
        return;
      }
      const rest = Math.min(nudgeEvery, options.every) - (wall.monotonic() - lookedAt);
      cancel();
      soon = true;
      cancel = scheduler.after(Math.max(0, rest), turn);
    },
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}
