import type { Decision } from '@autopilot/cutover-flags';
import type { LaneId, Ports, StreamPosition } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';
import type { ActivePath } from './active-path.ts';
import type { Damping } from './damping.ts';
import type { HandoverCheck } from './handover-check.ts';
import type { HandoverLog } from './handover-log.ts';
import { describeDifference, type LaneDifference } from './lane-difference.ts';
import type { LaneSlot } from './lane-slot.ts';
import { hopeless } from './present-session.ts';
import type { RouterPhase } from './router-machine.ts';
import type { RouterLimits } from './router-options.ts';
import type { Insistence, RouterStatus } from './router-status.ts';
import type { RouterTimers } from './router-timers.ts';
import type { RouterVoice } from './router-voice.ts';

/** What the router lends to a change of lanes. */
export interface LaneChangeHost {
  readonly phase: () => RouterPhase;
  readonly active: () => LaneSlot | undefined;
  /** The open lane beside the active one. */
  readonly next: () => LaneSlot | undefined;
  readonly decision: () => Decision | undefined;
  readonly insists: () => Insistence | undefined;
  readonly step: (event: 'due' | 'ready' | 'failed') => void;
  /** The lane is the active one from now on. */
  readonly becomes: (slot: LaneSlot) => void;
  readonly openBeside: (lane: LaneId) => void;
  /** Opens and closes what the phase and the decision want. */
  readonly arrange: () => void;
  readonly reread: (slot: LaneSlot, streamId: string, after: StreamPosition | null) => void;
}

/** What a change of lanes is made of. */
export interface LaneChangeParts {
  readonly ports: Ports;
  readonly applied: AppliedView;
  readonly followed: ReadonlySet<string>;
  readonly limits: RouterLimits;
  readonly check: HandoverCheck;
  readonly log: HandoverLog;
  readonly timers: RouterTimers;
  readonly damping: Damping;
  readonly path: ActivePath;
  readonly voice: RouterVoice;
}

/** The effects of the machine that are about the next lane: prepare it, look at it, switch to it, give it up. */
export interface LaneChange {
  /** What the present lane took over in spite of. */
  readonly forced: RouterStatus['forced'];
  /** What is known to differ and holds the next lane back now. */
  heldBy(): LaneDifference | null;
  prepare(): void;
  /** Switches as soon as the next lane is live and nothing would be lost on any stream. */
  look(): void;
  switch(): void;
  fail(): void;
  abandon(): void;
  /** Waits until lanes may be changed again. */
  damp(): void;
  stop(): void;
}

const other = (lane: LaneId): LaneId => (lane === 'khala' ? 'spacetime' : 'khala');

/** No change is under way. */
export function createLaneChange(host: LaneChangeHost, parts: LaneChangeParts): LaneChange {
  const { ports, applied, followed, limits, check, log, timers, damping, path, voice } = parts;
  let forced: RouterStatus['forced'] = null;

  const due = () => host.step(host.phase() === 'preparing' ? 'failed' : 'due');
  const stop = () => {
    timers.disarm();
    timers.stopLooking();
  };
  const end = (outcome: 'failed' | 'abandoned', reason: string) => {
    stop();
    const active = host.active();
    if (active !== undefined) log.ended(active.id, other(active.id), host.decision()?.rule ?? '', outcome, reason);
    host.arrange();
  };
  const look = () => {
    timers.stopLooking();
    if (host.phase() !== 'preparing') return;
    const slot = host.next();
    const ready = slot !== undefined && slot.state === 'live' && check.inTheWay(slot) === undefined;
    if (ready || (slot !== undefined && hopeless.has(slot.state))) host.step(ready ? 'ready' : 'failed');
    else timers.lookIn(limits.lookEveryMs, look);
  };
  return {
    get forced() {
      return forced;
    },
    heldBy() {
      const slot = host.next();
      const phase = host.phase();
      if (slot === undefined || (phase !== 'preparing' && phase !== 'retrying')) return null;
      return check.differing(slot) ?? null;
    },
    prepare() {
      timers.disarm();
      const lane = host.decision()?.lane;
      if (lane === undefined || host.active() === undefined) return;
      log.began();
      check.began();
      host.openBeside(lane);
      timers.arm(limits.liveWithinMs, due);
      const slot = host.next();
      if (slot === undefined) return;
      check.place(slot, (streamId, after) => host.reread(slot, streamId, after));
      look();
    },
    look,
    switch() {
      const to = host.next();
      const from = host.active();
      if (to === undefined || from === undefined) return;
      const rule = host.decision()?.rule ?? '';
      const before = from.state;
      const plan = check.plan(to);
      const why = host.insists();
      stop();
      for (const streamId of followed) path.guard.expect(streamId, applied.position(streamId));
      path.guard.hold(plan.reread.map(([streamId]) => streamId));
      host.becomes(to);
      damping.changed(ports.clock.monotonic());
      forced = why === undefined || plan.forced.length === 0 ? null : { why, differences: plan.forced };
      const spite = forced && `By ${why}, although ${plan.forced.map(describeDifference).join(', ')}.`;
      log.ended(from.id, to.id, rule, 'done', spite);
      const message = `${from.id} to ${to.id} (${rule})`;
      voice.tell(to.id, { type: 'state', from: before, to: to.state, reason: 'handover', message });
      for (const [streamId, position] of plan.reread) {
        path.guard.release(streamId);
        host.reread(to, streamId, position);
      }
      for (const stream_id of plan.refused) {
        const message = `${to.id} does not have this stream.`;
        voice.tell(to.id, { type: 'stream-closed', stream_id, code: 'unknown_stream', message });
      }
      host.arrange();
    },
    fail() {
      const slot = host.next();
      const state = slot?.state ?? 'idle';
      const why =
        slot === undefined
          ? 'It is not in this build.'
          : state === 'live'
            ? `${check.inTheWay(slot)}.`
            : `It is in the state ${state}, not live.`;
      damping.failed();
      end('failed', why);
      timers.arm(damping.retryDelay(), due);
    },
    abandon: () => end('abandoned', 'The decision went back.'),
    damp: () => timers.arm(damping.wait(ports.clock.monotonic()), due),
    stop,
  };
}
