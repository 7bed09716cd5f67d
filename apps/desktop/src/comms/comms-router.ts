import type { Decision } from '@autopilot/cutover-flags';
import type { LaneId, LaneSignal, LaneState, StreamPosition } from '@autopilot/sync-contract';
import type { Ack } from '../sync/ack-queue.ts';
import type { SyncLane } from '../sync/sync-lane.ts';
import type { LaneFacts } from '../view-model/view-model.ts';
import { createActivePath } from './active-path.ts';
import { createBesidePath } from './beside-path.ts';
import { createComparedStreams } from './compared-streams.ts';
import { createDamping } from './damping.ts';
import { CommsError } from './errors.ts';
import { createHandoverCheck } from './handover-check.ts';
import { insistence } from './handover-insists.ts';
import { createHandoverLog } from './handover-log.ts';
import { createLaneChange, type LaneChange, type LaneChangeHost } from './lane-change.ts';
import { createLaneDifferences } from './lane-differences.ts';
import { lagOf } from './lane-lag.ts';
import { createLanePool } from './lane-pool.ts';
import type { LaneSlot } from './lane-slot.ts';
import { createPresentSession, hopeless } from './present-session.ts';
import { type RouterEvent, type RouterPhase, routerStep } from './router-machine.ts';
import { defaultLimits, type RouterLimits, type RouterOptions } from './router-options.ts';
import type { Insistence, LaneStanding, RouterStatus } from './router-status.ts';
import { createRouterTimers } from './router-timers.ts';
import { createRouterVoice } from './router-voice.ts';

type StateSignal = Extract<LaneSignal, { type: 'state' }>;

const noFacts: LaneFacts = {
  ...{ attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null },
};
const other = (lane: LaneId): LaneId => (lane === 'khala' ? 'spacetime' : 'khala');

/**
 * Both lanes behind the interface of one: the decided lane is handed to the pipeline, the other one is compared. When
 * the decision changes, the next lane is made live first and takes over at the position of the store. See SPEC.md.
 */
export class CommsRouter implements SyncLane {
  readonly #options: RouterOptions;
  readonly #limits: RouterLimits;
  readonly #damping;
  readonly #pool;
  readonly #voice;
  readonly #path;
  readonly #besidePath;
  readonly #session;
  readonly #compared;
  readonly #differences;
  readonly #log;
  readonly #change: LaneChange;
  readonly #timers;
  readonly #followed = new Set<string>();
  #phase: RouterPhase = 'idle';
  #active: LaneSlot | undefined;
  #decision: Decision | undefined;
  #drain = false;
  #granted: readonly string[] | undefined;
  #missing: LaneId | null = null;
  readonly #counts = { dropped: 0, refused: 0, illegal: 0 };
  #changed: () => void = () => {};

  constructor(options: RouterOptions) {
    const { ports, applied, log } = options;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#damping = createDamping(this.#limits);
    this.#voice = createRouterVoice(log);
    this.#pool = createLanePool({
      ...options,
      heard: (slot, signal) => this.#heard(slot, signal),
      granted: (streamIds) => {
        this.#granted = streamIds;
        this.#voice.granted(streamIds);
      },
    });
    this.#path = createActivePath({
      ...{ ports, applied, patienceMs: this.#limits.joinPatienceMs },
      reread: (slot, streamId, after) => this.#reread(slot, streamId, after),
      ask: (slot, streamId) => this.#askActive(slot, streamId),
    });
    this.#besidePath = createBesidePath({
      ...{ ports, applied, beside: () => this.#next() },
      compare: (streamId) => this.#compared.begin(streamId, this.#pool.slots),
    });
    this.#session = createPresentSession(ports.clock, this.#limits.lostAfterMs);
    this.#compared = createComparedStreams(options.observer);
    this.#differences = createLaneDifferences(applied);
    this.#log = createHandoverLog(ports, log);
    this.#timers = createRouterTimers(ports);
    this.#change = this.#createChange();
  }

  /** The lane of the signal being handed on, so that what is applied is labelled by the lane that brought it. */
  get id(): LaneId {
    return this.#voice.speaking ?? this.#active?.id ?? this.#decision?.lane ?? 'spacetime';
  }

  get state(): LaneState {
    if (this.#phase === 'closed') return 'closed';
    return this.#active?.state ?? 'idle';
  }

  get decision(): Decision | undefined {
    return this.#decision;
  }

  /** Called after every change of what `status()` tells. */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  /**
   * Takes a decision. The first one has to come before `start()`.
   *
   * @param drain Move at once, instead of letting the session keep its lane until it ends by itself.
   */
  decide(decision: Decision, drain: boolean): void {
    const lane = this.#pool.available(decision.lane);
    this.#missing = lane === decision.lane ? null : decision.lane;
    this.#decision = { ...decision, lane };
    this.#drain = drain;
    this.#evaluate();
    this.#arrange();
    this.#changed();
  }

  start(): void {
    if (this.#phase === 'idle') this.#step('start');
  }

  follow(streamId: string, after: StreamPosition | null): void {
    this.#followed.add(streamId);
    if (this.#active !== undefined) this.#followActive(this.#active, streamId, after);
    for (const slot of this.#pool.slots.values()) if (slot !== this.#active) slot.follow(streamId, after);
    this.#compared.begin(streamId, this.#pool.slots);
  }

  rewind(streamId: string, after: StreamPosition | null): void {
    const active = this.#active;
    if (active === undefined) return;
    // A lane that has not reached the position yet would call it stale: it brings what follows by itself.
    if (this.#path.awaits(active, streamId, after)) return;
    this.#reread(active, streamId, after);
  }

  follows(streamId: string): boolean {
    return this.#followed.has(streamId);
  }

  unfollow(streamId: string): void {
    this.#followed.delete(streamId);
    this.#path.forget(streamId);
    this.#compared.forget(streamId);
    this.#differences.forget(streamId);
    for (const slot of this.#pool.slots.values()) slot.unfollow(streamId);
  }

  /** The apply path has given the stream up: it is blocked on the active lane. */
  gaveUp(streamId: string): void {
    if (this.#active !== undefined) this.#compared.abandon(this.#active, streamId);
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    return this.#voice.listen(listener);
  }

  onGranted(listener: (streamIds: readonly string[]) => void): () => void {
    return this.#voice.onGranted(listener);
  }

  /** What a token says of the granted streams; the spacetime lane knows better as soon as it is connected. */
  noteTokenGrants(streamIds: readonly string[]): void {
    if (this.#granted !== undefined || this.#options.open.khala === undefined) return;
    this.#voice.granted(streamIds);
  }

  facts(): LaneFacts {
    return this.#active?.lane.facts() ?? noFacts;
  }

  async acknowledge(ack: Ack): Promise<void> {
    const decision = this.#decision;
    if (decision?.writes !== 'spacetime') {
      this.#counts.refused += 1;
      const rule = decision === undefined ? '' : ` (${decision.rule})`;
      throw new CommsError('writes_refused', `The acknowledgement of ${ack.stream_id} was not sent${rule}.`);
    }
    const slot = this.#pool.slots.get('spacetime');
    if (slot === undefined) throw new CommsError('lane_not_open', 'The spacetime lane is not open.');
    await slot.lane.acknowledge(ack);
  }

  isOpen(lane: LaneId): boolean {
    return this.#pool.slots.has(lane);
  }

  /** What the open lanes agreed to speak. */
  protocols(): string[] {
    const spoken = [...this.#pool.slots.values()].map(({ lane }) => lane.facts().protocol);
    return [...new Set(spoken.filter((protocol) => protocol !== null))];
  }

  status(): RouterStatus {
    const waiting = this.#phase === 'damped' || this.#phase === 'retrying';
    return {
      phase: this.#phase,
      active: this.#active?.id ?? null,
      lanes: (['khala', 'spacetime'] as const).map((id) => this.#standing(id)),
      waiting_ms: waiting ? this.#timers.left() : null,
      done: this.#log.done,
      failed: this.#log.failed,
      dropped_events: this.#counts.dropped,
      overlap_events: this.#path.guard.overlap,
      refused_writes: this.#counts.refused,
      illegal_steps: this.#counts.illegal,
      handovers: this.#log.handovers,
      missing_lane: this.#missing,
      held_by: this.#change.heldBy(),
      forced: this.#change.forced,
    };
  }

  async close(): Promise<void> {
    if (this.#phase !== 'closed') this.#step('close');
    await this.#pool.ended();
  }

  #createChange(): LaneChange {
    const { ports, applied } = this.#options;
    const check = createHandoverCheck({
      ...{ applied, followed: this.#followed, differences: this.#differences },
      insists: () => this.#insistence() !== undefined,
    });
    const host: LaneChangeHost = {
      phase: () => this.#phase,
      active: () => this.#active,
      next: () => this.#next(),
      decision: () => this.#decision,
      insists: () => this.#insistence(),
      step: (event) => this.#step(event),
      becomes: (slot) => {
        this.#active = slot;
        this.#session.began(slot.state);
      },
      openBeside: (lane) => this.#openBeside(lane),
      arrange: () => this.#arrange(),
      reread: (slot, streamId, after) => this.#reread(slot, streamId, after),
    };
    return createLaneChange(host, {
      ...{ ports, applied, followed: this.#followed, limits: this.#limits, check, log: this.#log },
      ...{ timers: this.#timers, damping: this.#damping, path: this.#path, voice: this.#voice },
    });
  }

  #evaluate(): void {
    const active = this.#active;
    const decision = this.#decision;
    if (active === undefined || decision === undefined || this.#phase === 'closed') return;
    if (decision.lane === active.id) {
      this.#session.settle();
      this.#step('same');
    } else if (!this.#drain && this.#session.keeps) this.#step('keep');
    else this.#step(this.#damping.wait(this.#options.ports.clock.monotonic()) > 0 ? 'wait' : 'move');
  }

  #step(event: RouterEvent): void {
    const step = routerStep(this.#phase, event);
    if (step === undefined) {
      this.#counts.illegal += 1;
      this.#options.log.error({ phase: this.#phase, event }, 'router: a step that cannot happen');
      return;
    }
    const before = this.#phase;
    this.#phase = step.to;
    switch (step.effect) {
      case 'begin':
        this.#begin();
        break;
      case 'prepare':
        this.#change.prepare();
        break;
      case 'switch':
        this.#change.switch();
        break;
      case 'abandon':
        this.#change.abandon();
        break;
      case 'fail':
        this.#change.fail();
        break;
      case 'arm':
        this.#change.damp();
        break;
      case 'disarm':
        this.#timers.disarm();
        break;
      case 'end':
        this.#close();
        break;
      case 'none':
        break;
    }
    if (before !== this.#phase || step.effect !== 'none') this.#changed();
  }

  #begin(): void {
    const slot = this.#pool.open(this.#decision?.lane ?? 'spacetime');
    this.#active = slot;
    this.#session.began(slot.state);
    for (const streamId of this.#followed) {
      this.#followActive(slot, streamId, this.#options.applied.position(streamId));
    }
    slot.lane.start();
    this.#arrange();
  }

  /** Opens and closes the lane beside the active one, as the decision and the phase want it. */
  #arrange(): void {
    const active = this.#active;
    if (active === undefined || this.#phase === 'closed' || this.#phase === 'idle') return;
    const beside = other(active.id);
    const decision = this.#decision;
    // While a session keeps its lane, the decided one stands ready beside it.
    const wanted = decision?.shadow === beside || decision?.lane === beside;
    if (wanted || this.#phase === 'preparing') this.#openBeside(beside);
    else this.#retire(beside);
  }

  #openBeside(id: LaneId): void {
    if (this.isOpen(id) || this.#pool.available(id) !== id) return;
    const slot = this.#pool.open(id);
    for (const streamId of this.#followed) slot.follow(streamId, this.#options.applied.position(streamId));
    for (const streamId of this.#followed) this.#compared.begin(streamId, this.#pool.slots);
    slot.lane.start();
  }

  #retire(id: LaneId): void {
    const slot = this.#pool.slots.get(id);
    if (slot === undefined || slot === this.#active) return;
    this.#compared.reset();
    this.#pool.retire(slot);
  }

  #followActive(slot: LaneSlot, streamId: string, after: StreamPosition | null): void {
    // Where there are two lanes, the store may be ahead of the one that is read now.
    if (this.#options.open.khala !== undefined) this.#path.guard.expect(streamId, after);
    slot.follow(streamId, after);
  }

  #heard(slot: LaneSlot, signal: LaneSignal): void {
    if (!this.#pool.holds(slot) || this.#phase === 'closed') {
      if (signal.type === 'batch') this.#counts.dropped += signal.events.length;
      return;
    }
    this.#noteDifferences(slot, signal);
    slot.note(signal);
    if (signal.type === 'state') this.#compared.state(slot, signal.to);
    if (signal.type === 'stream-closed') {
      // What a lane may not read it cannot miss; what it brings and nobody can use is another thing.
      if (signal.code === 'invalid_request') this.#compared.abandon(slot, signal.stream_id);
      else this.#compared.forget(signal.stream_id);
    }
    if (signal.type === 'stale' && signal.reason === 'epoch_changed') {
      this.#compared.moved(slot, signal.stream_id, signal.floor);
    }
    if (signal.type === 'batch') this.#compared.offer(slot, signal.events);
    if (slot === this.#active) this.#heardActive(slot, signal);
    else this.#heardBeside(slot, signal);
  }

  /** Before the slot notes it, which is where it was until now. One lane alone is compared with nothing. */
  #noteDifferences(slot: LaneSlot, signal: LaneSignal): void {
    if (this.#pool.slots.size < 2) return;
    if (signal.type === 'batch') {
      const stream = slot.streams.get(signal.stream_id);
      if (stream !== undefined) this.#differences.brought(slot.id, signal.events, stream.span.end);
    } else if (signal.type === 'head' && signal.head_chain !== undefined && this.follows(signal.stream_id)) {
      const at = { epoch: signal.epoch, seq: signal.head };
      this.#differences.named(slot.id, signal.stream_id, at, signal.head_chain);
    }
  }

  #heardActive(slot: LaneSlot, signal: LaneSignal): void {
    if (signal.type === 'state') {
      this.#activeState(slot, signal);
      return;
    }
    const passed = this.#path.pass(slot, signal);
    if (passed !== undefined) this.#voice.tell(slot.id, passed);
  }

  #askActive(slot: LaneSlot, streamId: string): void {
    if (slot !== this.#active || !this.follows(streamId)) return;
    slot.follow(streamId, this.#options.applied.position(streamId));
    this.#compared.begin(streamId, this.#pool.slots);
  }

  #activeState(slot: LaneSlot, signal: StateSignal): void {
    const ended = this.#session.became(signal.to);
    this.#voice.tell(slot.id, signal);
    if (ended && this.#phase === 'keeping') {
      this.#session.release();
      this.#evaluate();
      this.#arrange();
    }
    this.#changed();
  }

  #heardBeside(slot: LaneSlot, signal: LaneSignal): void {
    if (signal.type === 'batch') {
      if (this.#phase !== 'preparing' && this.#decision?.shadow !== slot.id)
        this.#counts.dropped += signal.events.length;
      return;
    }
    this.#besidePath.heard(slot, signal);
    if (signal.type !== 'state') return;
    this.#changed();
    if (this.#phase !== 'preparing') return;
    if (hopeless.has(signal.to)) this.#step('failed');
    else if (signal.to === 'live') this.#change.look();
  }

  #reread(slot: LaneSlot, streamId: string, after: StreamPosition | null): void {
    this.#compared.rereads(slot, streamId);
    slot.rewind(streamId, after);
  }

  #next(): LaneSlot | undefined {
    return this.#active === undefined ? undefined : this.#pool.slots.get(other(this.#active.id));
  }

  /** Why a handover to the decided lane goes on whatever is known to differ. */
  #insistence(): Insistence | undefined {
    const decision = this.#decision;
    const active = this.#active;
    if (decision === undefined || active === undefined) return undefined;
    return insistence(decision, this.#drain, this.#session.isLost(active.state));
  }

  #close(): void {
    this.#change.stop();
    this.#besidePath.close();
    this.#path.close();
    const before = this.#active?.state ?? 'idle';
    this.#pool.closeAll();
    if (before !== 'closed') this.#voice.tell(this.id, { type: 'state', from: before, to: 'closed', reason: 'closed' });
    this.#voice.close();
    this.#compared.reset();
  }

  #standing(id: LaneId): LaneStanding {
    const slot = this.#pool.slots.get(id);
    if (slot === undefined) return { id, role: 'off', state: null, lag_events: null };
    const beside = this.#phase === 'preparing' ? 'next' : 'shadow';
    const role = slot === this.#active ? 'active' : beside;
    return { id, role, state: slot.state, lag_events: lagOf(slot, this.#pool.slots.values(), this.#followed) };
  }
}
