import type { Decision } from '@autopilot/cutover-flags';
import type { Cancel, LaneId, LaneSignal, LaneState, StreamPosition } from '@autopilot/sync-contract';
import type { Ack } from '../sync/ack-queue.ts';
import type { SyncLane } from '../sync/sync-lane.ts';
import type { LaneFacts } from '../view-model/view-model.ts';
import { type ComparedStreams, createComparedStreams } from './compared-streams.ts';
import { createDamping } from './damping.ts';
import { CommsError } from './errors.ts';
import { lagOf } from './lane-lag.ts';
import { askAgainMs, LaneSlot } from './lane-slot.ts';
import { createOverlapGuard } from './overlap-guard.ts';
import { type RouterEvent, type RouterPhase, routerStep } from './router-machine.ts';
import { defaultLimits, type RouterLimits, type RouterOptions } from './router-options.ts';
import type { Handover, LaneStanding, RouterStatus } from './router-status.ts';
import { joinRelation, joinTable } from './stream-join.ts';
import { createYoungStreams } from './young-streams.ts';

type StateSignal = Extract<LaneSignal, { type: 'state' }>;

const keptHandovers = 50;
const noFacts: LaneFacts = {
  ...{ attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null },
};
const connected: ReadonlySet<LaneState> = new Set<LaneState>(['subscribing', 'replaying', 'live', 'draining']);
const hopeless: ReadonlySet<LaneState> = new Set<LaneState>(['needs-auth', 'failed', 'closed']);
const other = (lane: LaneId): LaneId => (lane === 'khala' ? 'spacetime' : 'khala');

/**
 * Both lanes behind the interface of one: the decided lane is handed to the pipeline, the other one is compared. When
 * the decision changes, the next lane is made live first and takes over at the position of the store. See SPEC.md.
 */
export class CommsRouter implements SyncLane {
  readonly #options: RouterOptions;
  readonly #limits: RouterLimits;
  readonly #damping;
  readonly #guard;
  readonly #young;
  readonly #compared: ComparedStreams;
  readonly #slots = new Map<LaneId, LaneSlot>();
  readonly #endings = new Set<Promise<void>>();
  readonly #followed = new Set<string>();
  readonly #listeners = new Set<(signal: LaneSignal) => void>();
  readonly #grantListeners = new Set<(streamIds: readonly string[]) => void>();
  #phase: RouterPhase = 'idle';
  #active: LaneSlot | undefined;
  #decision: Decision | undefined;
  #drain = false;
  /** The present session has been live, so it keeps its lane unless it is drained. */
  #established = false;
  /** The session that kept its lane has ended: the way is free, even if the lane comes back meanwhile. */
  #released = false;
  #granted: readonly string[] | undefined;
  #timer: Cancel | undefined;
  #timerDue = 0;
  #look: Cancel | undefined;
  #asking: Cancel | undefined;
  #began = 0;
  #marks = new Map<string, StreamPosition | null>();
  #missing: LaneId | null = null;
  #handovers: readonly Handover[] = [];
  readonly #counts = { done: 0, failed: 0, dropped: 0, refused: 0, illegal: 0 };
  /** The lane of the signal that is being handed on. */
  #speaking: LaneId | undefined;
  #changed: () => void = () => {};

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#damping = createDamping(this.#limits);
    this.#guard = createOverlapGuard(options.ports.clock, options.applied, this.#limits.joinPatienceMs);
    this.#young = createYoungStreams(options.ports.scheduler, options.applied);
    this.#compared = createComparedStreams(options.observer);
  }

  /** The lane of the signal being handed on, so that what is applied is labelled by the lane that brought it. */
  get id(): LaneId {
    return this.#speaking ?? this.#active?.id ?? this.#decision?.lane ?? 'spacetime';
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
    const lane = this.#available(decision.lane);
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
    for (const slot of this.#slots.values()) if (slot !== this.#active) slot.follow(streamId, after);
    this.#compared.begin(streamId, this.#slots);
  }

  rewind(streamId: string, after: StreamPosition | null): void {
    const active = this.#active;
    if (active === undefined) return;
    // A lane that has not reached the position yet would call it stale: it brings what follows by itself.
    if (this.#guard.awaits(streamId, active.streams.get(streamId)?.span.end ?? null, after)) return;
    this.#reread(active, streamId, after);
  }

  follows(streamId: string): boolean {
    return this.#followed.has(streamId);
  }

  unfollow(streamId: string): void {
    this.#followed.delete(streamId);
    this.#guard.forget(streamId);
    this.#young.forget(streamId);
    this.#compared.forget(streamId);
    for (const slot of this.#slots.values()) slot.unfollow(streamId);
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    const own = (signal: LaneSignal) => listener(signal);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  onGranted(listener: (streamIds: readonly string[]) => void): () => void {
    this.#grantListeners.add(listener);
    return () => this.#grantListeners.delete(listener);
  }

  /** What a token says of the granted streams; the spacetime lane knows better as soon as it is connected. */
  noteTokenGrants(streamIds: readonly string[]): void {
    if (this.#granted !== undefined || this.#options.open.khala === undefined) return;
    for (const listener of this.#grantListeners) listener(streamIds);
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
    const slot = this.#slots.get('spacetime');
    if (slot === undefined) throw new CommsError('lane_not_open', 'The spacetime lane is not open.');
    await slot.lane.acknowledge(ack);
  }

  isOpen(lane: LaneId): boolean {
    return this.#slots.has(lane);
  }

  /** What the open lanes agreed to speak. */
  protocols(): string[] {
    const spoken = [...this.#slots.values()].map(({ lane }) => lane.facts().protocol);
    return [...new Set(spoken.filter((protocol) => protocol !== null))];
  }

  status(): RouterStatus {
    const { ports } = this.#options;
    const waiting = this.#phase === 'damped' || this.#phase === 'retrying';
    return {
      phase: this.#phase,
      active: this.#active?.id ?? null,
      lanes: (['khala', 'spacetime'] as const).map((id) => this.#standing(id)),
      waiting_ms: waiting ? Math.max(0, this.#timerDue - ports.clock.monotonic()) : null,
      done: this.#counts.done,
      failed: this.#counts.failed,
      dropped_events: this.#counts.dropped,
      overlap_events: this.#guard.overlap,
      refused_writes: this.#counts.refused,
      illegal_steps: this.#counts.illegal,
      handovers: this.#handovers,
      missing_lane: this.#missing,
    };
  }

  async close(): Promise<void> {
    if (this.#phase !== 'closed') this.#step('close');
    await Promise.all(this.#endings);
  }

  #evaluate(): void {
    const active = this.#active;
    const decision = this.#decision;
    if (active === undefined || decision === undefined || this.#phase === 'closed') return;
    if (decision.lane === active.id) {
      this.#released = false;
      this.#step('same');
    } else if (!this.#drain && this.#established && !this.#released) this.#step('keep');
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
        this.#prepare();
        break;
      case 'switch':
        this.#switch();
        break;
      case 'abandon':
        this.#end('abandoned', 'The decision went back.');
        break;
      case 'fail':
        this.#fail();
        break;
      case 'arm':
        this.#arm(this.#damping.wait(this.#options.ports.clock.monotonic()));
        break;
      case 'disarm':
        this.#disarm();
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
    const lane = this.#decision?.lane ?? 'spacetime';
    const slot = this.#open(lane);
    this.#active = slot;
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
    if (this.#slots.has(id) || this.#available(id) !== id) return;
    const slot = this.#open(id);
    for (const streamId of this.#followed) slot.follow(streamId, this.#options.applied.position(streamId));
    for (const streamId of this.#followed) this.#compared.begin(streamId, this.#slots);
    slot.lane.start();
  }

  #open(id: LaneId): LaneSlot {
    const { open, ports, log } = this.#options;
    const opener = id === 'khala' ? (open.khala ?? open.spacetime) : open.spacetime;
    const slot = new LaneSlot(opener(), ports);
    this.#slots.set(slot.id, slot);
    slot.lane.listen((signal) => this.#heard(slot, signal));
    if (slot.id === 'spacetime') {
      slot.lane.onGranted((streamIds) => {
        if (this.#slots.get(slot.id) !== slot) return;
        this.#granted = streamIds;
        for (const listener of this.#grantListeners) listener(streamIds);
      });
    }
    log.info({ lane: slot.id }, 'lane opened');
    return slot;
  }

  #retire(id: LaneId): void {
    const slot = this.#slots.get(id);
    if (slot === undefined || slot === this.#active) return;
    this.#slots.delete(id);
    this.#compared.reset();
    this.#options.log.info({ lane: id }, 'lane closed');
    const ending = slot.lane.close().catch((error: unknown) => {
      this.#options.log.error({ lane: id, err: error }, 'a lane did not close well');
    });
    this.#endings.add(ending);
    void ending.then(() => this.#endings.delete(ending));
  }

  #followActive(slot: LaneSlot, streamId: string, after: StreamPosition | null): void {
    // Where there are two lanes, the store may be ahead of the one that is read now.
    if (this.#options.open.khala !== undefined) this.#guard.expect(streamId, after);
    slot.follow(streamId, after);
  }

  #heard(slot: LaneSlot, signal: LaneSignal): void {
    if (this.#slots.get(slot.id) !== slot || this.#phase === 'closed') {
      if (signal.type === 'batch') this.#counts.dropped += signal.events.length;
      return;
    }
    slot.note(signal);
    if (signal.type === 'state') this.#compared.state(slot, signal.to);
    if (signal.type === 'stream-closed') this.#compared.forget(signal.stream_id);
    if (signal.type === 'batch') this.#compared.offer(slot, signal.events);
    if (slot === this.#active) this.#heardActive(slot, signal);
    else this.#heardBeside(slot, signal);
  }

  #heardActive(slot: LaneSlot, signal: LaneSignal): void {
    if (signal.type === 'state') {
      this.#activeState(slot, signal);
      return;
    }
    if (signal.type === 'batch') {
      const events = this.#guard.withoutApplied(signal.stream_id, signal.events);
      if (events.length > 0) this.#tell(slot.id, { ...signal, events });
      return;
    }
    if (signal.type === 'head' && this.#guard.hidesHead(signal.stream_id, signal.epoch, signal.head)) return;
    if (
      signal.type === 'stream-closed' &&
      this.#young.askAgain(signal, () => this.#askActive(slot, signal.stream_id))
    ) {
      return;
    }
    if (signal.type === 'stale') {
      const again = this.#guard.placeAgain(signal);
      if (again !== undefined) {
        this.#reread(slot, signal.stream_id, again);
        return;
      }
    }
    this.#tell(slot.id, signal);
  }

  #askActive(slot: LaneSlot, streamId: string): void {
    if (slot !== this.#active || !this.#followed.has(streamId)) return;
    slot.follow(streamId, this.#options.applied.position(streamId));
    this.#compared.begin(streamId, this.#slots);
  }

  #activeState(slot: LaneSlot, signal: StateSignal): void {
    if (signal.to === 'live') this.#established = true;
    const ended = !connected.has(signal.to);
    if (ended) this.#established = false;
    this.#tell(slot.id, signal);
    if (ended && this.#phase === 'keeping') {
      this.#released = true;
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
    if (signal.type === 'stale') {
      slot.replace(signal);
      this.#compared.begin(signal.stream_id, this.#slots);
    }
    if (signal.type === 'stream-closed') this.#askAgainLater();
    if (signal.type !== 'state') return;
    this.#changed();
    if (this.#phase !== 'preparing') return;
    if (hopeless.has(signal.to)) this.#step('failed');
    else if (signal.to === 'live') this.#lookAtNext();
  }

  /** A stream that one lane has and the other not yet may only be a moment younger there. */
  #askAgainLater(): void {
    if (this.#asking !== undefined) return;
    this.#asking = this.#options.ports.scheduler.after(askAgainMs, () => {
      this.#asking = undefined;
      const slot = this.#next();
      const due = slot?.dueRefusals(this.#options.ports.clock.monotonic()) ?? [];
      for (const streamId of due) {
        slot?.follow(streamId, this.#options.applied.position(streamId));
        this.#compared.begin(streamId, this.#slots);
      }
      if (slot?.hasRefusals() === true) this.#askAgainLater();
    });
  }

  #reread(slot: LaneSlot, streamId: string, after: StreamPosition | null): void {
    this.#compared.rereads(slot, streamId);
    slot.rewind(streamId, after);
  }

  #prepare(): void {
    const { ports, applied } = this.#options;
    this.#disarm();
    const id = this.#decision?.lane;
    if (id === undefined || this.#active === undefined) return;
    this.#began = ports.clock.monotonic();
    this.#marks = new Map([...this.#followed].map((streamId) => [streamId, applied.position(streamId)]));
    this.#openBeside(id);
    this.#arm(this.#limits.liveWithinMs);
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    for (const streamId of this.#followed) {
      const position = applied.position(streamId);
      const relation = this.#relation(slot, streamId, position);
      // A lane that was compared from a later place on has to fetch what lies between before it can take over.
      if (relation === 'late') this.#reread(slot, streamId, position);
      else if (relation === 'refused') slot.follow(streamId, position);
    }
    this.#lookAtNext();
  }

  #relation(slot: LaneSlot, streamId: string, position: StreamPosition | null) {
    const stream = slot.streams.get(streamId);
    const span = stream?.span ?? { start: null, end: null };
    const mark = this.#marks.get(streamId) ?? null;
    const confirmed = stream?.confirmed === true;
    return joinRelation({ span, position, mark, confirmed, refused: stream?.refused !== undefined });
  }

  /** Switches as soon as the next lane is live and nothing would be lost on any stream. */
  #lookAtNext(): void {
    this.#look?.();
    this.#look = undefined;
    if (this.#phase !== 'preparing') return;
    const slot = this.#next();
    const ready = slot !== undefined && slot.state === 'live' && this.#inTheWay(slot) === undefined;
    if (ready || (slot !== undefined && hopeless.has(slot.state))) {
      this.#step(ready ? 'ready' : 'failed');
      return;
    }
    this.#look = this.#options.ports.scheduler.after(this.#limits.lookEveryMs, () => this.#lookAtNext());
  }

  #next(): LaneSlot | undefined {
    return this.#active === undefined ? undefined : this.#slots.get(other(this.#active.id));
  }

  #inTheWay(slot: LaneSlot): string | undefined {
    for (const streamId of this.#followed) {
      const relation = this.#relation(slot, streamId, this.#options.applied.position(streamId));
      if (joinTable[relation] === 'wait') return `${streamId} is ${relation} on ${slot.id}`;
    }
    return undefined;
  }

  #switch(): void {
    const to = this.#next();
    const from = this.#active;
    if (to === undefined || from === undefined) return;
    const before = from.state;
    this.#clearTimers();
    this.#established = to.state === 'live';
    this.#released = false;
    const reread: [string, StreamPosition | null][] = [];
    const refused: string[] = [];
    for (const streamId of this.#followed) {
      const position = this.#options.applied.position(streamId);
      const action = joinTable[this.#relation(to, streamId, position)];
      this.#guard.expect(streamId, position);
      if (action === 'rewind') reread.push([streamId, position]);
      if (to.streams.get(streamId)?.refused !== undefined) refused.push(streamId);
    }
    this.#guard.hold(reread.map(([streamId]) => streamId));
    this.#active = to;
    this.#damping.changed(this.#options.ports.clock.monotonic());
    this.#counts.done += 1;
    this.#record(from.id, to.id, 'done', null);
    const message = `${from.id} to ${to.id} (${this.#decision?.rule})`;
    this.#tell(to.id, { type: 'state', from: before, to: to.state, reason: 'handover', message });
    for (const [streamId, position] of reread) {
      this.#guard.release(streamId);
      this.#reread(to, streamId, position);
    }
    for (const stream_id of refused) {
      const message = `${to.id} does not have this stream.`;
      this.#tell(to.id, { type: 'stream-closed', stream_id, code: 'unknown_stream', message });
    }
    this.#arrange();
  }

  #fail(): void {
    const slot = this.#next();
    const state = slot?.state ?? 'idle';
    const why =
      slot === undefined
        ? 'It is not in this build.'
        : state === 'live'
          ? `${this.#inTheWay(slot)}.`
          : `It is in the state ${state}, not live.`;
    this.#damping.failed();
    this.#counts.failed += 1;
    this.#end('failed', why);
    this.#arm(this.#damping.retryDelay());
  }

  #end(outcome: 'failed' | 'abandoned', reason: string): void {
    this.#clearTimers();
    if (this.#active !== undefined) this.#record(this.#active.id, other(this.#active.id), outcome, reason);
    this.#arrange();
  }

  #record(from: LaneId, to: LaneId, outcome: Handover['outcome'], reason: string | null): void {
    const { clock } = this.#options.ports;
    const took_ms = clock.monotonic() - this.#began;
    const rule = this.#decision?.rule ?? '';
    const handover = { at: clock.now(), from, to, rule, outcome, took_ms, reason };
    this.#handovers = [...this.#handovers, handover].slice(-keptHandovers);
    this.#options.log[outcome === 'failed' ? 'warn' : 'info']({ ...handover }, `handover ${outcome}`);
  }

  #arm(delay: number): void {
    const { scheduler, clock } = this.#options.ports;
    this.#timer?.();
    this.#timerDue = clock.monotonic() + delay;
    this.#timer = scheduler.after(delay, () => {
      this.#timer = undefined;
      this.#step(this.#phase === 'preparing' ? 'failed' : 'due');
    });
  }

  #disarm(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  #clearTimers(): void {
    this.#disarm();
    this.#look?.();
    this.#look = undefined;
  }

  #close(): void {
    this.#clearTimers();
    this.#asking?.();
    this.#young.close();
    const slots = [...this.#slots.values()];
    const before = this.#active?.state ?? 'idle';
    for (const slot of slots) {
      const ending = slot.lane.close();
      this.#endings.add(ending);
    }
    if (before !== 'closed') this.#tell(this.id, { type: 'state', from: before, to: 'closed', reason: 'closed' });
    this.#listeners.clear();
    this.#grantListeners.clear();
    this.#compared.reset();
  }

  #available(lane: LaneId): LaneId {
    return lane === 'khala' && this.#options.open.khala === undefined ? 'spacetime' : lane;
  }

  #standing(id: LaneId): LaneStanding {
    const slot = this.#slots.get(id);
    if (slot === undefined) return { id, role: 'off', state: null, lag_events: null };
    const beside = this.#phase === 'preparing' ? 'next' : 'shadow';
    const role = slot === this.#active ? 'active' : beside;
    return { id, role, state: slot.state, lag_events: lagOf(slot, this.#slots.values(), this.#followed) };
  }

  #tell(lane: LaneId, signal: LaneSignal): void {
    const before = this.#speaking;
    this.#speaking = lane;
    try {
      for (const listener of [...this.#listeners]) {
        try {
          listener(signal);
        } catch (error) {
          this.#options.log.error({ err: error, signal: signal.type }, 'a listener of the router threw');
        }
      }
    } finally {
      this.#speaking = before;
    }
  }
}
