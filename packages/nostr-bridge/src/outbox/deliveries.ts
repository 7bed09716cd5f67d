import { type BackoffPolicy, backoffDelay, type Cancel, type Ports } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { NostrEvent } from '../event/event.ts';
import { retry, type Verdict } from '../relay/verdict.ts';
import type { Claimed, DeliveryMove, Moved, OutboxStore } from './outbox-store.ts';
import type { Standing } from './quorum.ts';

/** What the outbox needs of a relay; see `Relay`. */
export interface PublishTarget {
  readonly url: string;
  /** Milliseconds until an event may be sent; undefined when that does not depend on time alone. */
  publishWaitMs(): number | undefined;
  /** Events that may be sent now: at least 1 when there is nothing to wait for. */
  publishRoom(): number;
  /** Must settle, and must not throw. */
  publish(event: NostrEvent): Promise<Verdict>;
}

/** Times in milliseconds. */
export interface DeliverySettings {
  /** Between two tries of one delivery. */
  readonly backoff: BackoffPolicy;
  /** Tries that were answered, or not answered in time, before a delivery is dead. */
  readonly maxTries: number;
  /** How long a delivery may be pending before it is dead: also where the relay never connects. */
  readonly maxAgeMs: number;
  /** How often the outbox looks for deliveries that another process put back, and for those that are too old. */
  readonly pollMs: number;
  /** Until a write that the file refused is tried again. */
  readonly storeRetryMs: number;
}

/** What is used where nothing is said. */
export const defaultDeliverySettings: DeliverySettings = {
  backoff: { floorMs: 1_000, baseMs: 4_000, capMs: 900_000 },
  maxTries: 12,
  maxAgeMs: 7 * 86_400_000,
  pollMs: 5_000,
  storeRetryMs: 1_000,
};

/** What was delivered since this was made. Numbers only grow. */
export interface DeliveryCounters {
  tries: number;
  accepted: number;
  rejected: number;
  retried: number;
  died: number;
  /** OKs after their deadline that still counted. */
  late: number;
  /** Reads and writes that the file refused. */
  store_failures: number;
}

/** Hears how an event stands, once for each change. */
export type StandingListener = (event_id: string, standing: Standing) => void;

const expireAtOnce = 500;

interface Seat {
  readonly target: PublishTarget;
  cancel: Cancel;
  /** Deliveries of it are being claimed. */
  isClaiming: boolean;
  /** Woken since they began to be. */
  isWoken: boolean;
  /** Nothing is due before this, in milliseconds since the Unix epoch. 0: not known. */
  dueAt: number;
}

/**
 * Delivers what the outbox stores. The only owner of retries: a connection sends what it is given once. Opening a
 * connection makes nothing due before its time.
 */
export class Deliveries {
  readonly counters: DeliveryCounters = {
    tries: 0,
    accepted: 0,
    rejected: 0,
    retried: 0,
    died: 0,
    late: 0,
    store_failures: 0,
  };
  readonly #store: OutboxStore;
  readonly #ports: Ports;
  readonly #settings: DeliverySettings;
  readonly #targets = new Map<string, Seat>();
  readonly #listeners = new Set<StandingListener>();
  /** Verdicts that could not be written yet: at most what is in flight. */
  readonly #unwritten: DeliveryMove[] = [];
  #cancelPoll: Cancel = () => {};
  #cancelWrite: Cancel | undefined;
  #isRunning = false;

  constructor(store: OutboxStore, ports: Ports, settings: Partial<DeliverySettings> = {}) {
    this.#store = store;
    this.#ports = ports;
    this.#settings = { ...defaultDeliverySettings, ...settings };
  }

  /** Begins with what a process that is gone had in flight. */
  start(targets: readonly PublishTarget[]): void {
    this.#isRunning = true;
    this.#guarded(() => this.#store.recover());
    for (const target of targets) this.#targets.set(target.url, seatOf(target));
    this.#poll();
  }

  /**
   * Verdicts of what is still in flight are written as they come, once: what the file refuses then was in flight for
   * whoever opens it next.
   */
  stop(): void {
    this.#isRunning = false;
    this.#cancelPoll();
    this.#cancelWrite?.();
    for (const { cancel } of this.#targets.values()) cancel();
  }

  onStanding(listener: StandingListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It may be possible to send to a relay. Nothing is looked for when nothing was left the last time. */
  ready(url: string): void {
    const seat = this.#targets.get(url);
    if (seat === undefined) return;
    if (seat.isClaiming || seat.dueAt <= this.#ports.clock.now()) this.wake(url);
  }

  /** Something is stored for a relay, or was put back: it is looked for, now or as soon as it may be sent. */
  wake(url: string): void {
    const seat = this.#targets.get(url);
    if (!this.#isRunning || seat === undefined) return;
    seat.cancel();
    seat.dueAt = 0;
    seat.isWoken = true;
    if (seat.isClaiming) return;
    const waitMs = seat.target.publishWaitMs();
    if (waitMs === 0) void this.#claim(seat);
    // Undefined: not connected, or enough in flight; the target says when that is over.
    else if (waitMs !== undefined) this.#later(url, waitMs);
  }

  /** An OK that nobody waited for any more. */
  late(url: string, event_id: string, verdict: Verdict): void {
    if (verdict.outcome === 'retry') return;
    const { reason, message } = verdict;
    const input = verdict.outcome === 'accepted' ? 'accept' : 'reject';
    const moved = this.#guarded(() => this.#store.move({ event_id, relay: url, input, reason, message }));
    if (moved === undefined) return;
    this.counters.late += 1;
    this.#tell(event_id, moved);
  }

  /** Delivers to one more relay from now on. */
  add(target: PublishTarget): void {
    this.#targets.set(target.url, seatOf(target));
    this.wake(target.url);
  }

  /** Delivers there no more. Verdicts of what is in flight are written as they come. */
  remove(url: string): void {
    this.#targets.get(url)?.cancel();
    this.#targets.delete(url);
  }

  /** Gives up what has been pending for longer than `ageMs` for relays that are none of these. @returns how many. */
  expireBeside(own: readonly string[], ageMs: number, limit: number): number {
    const expired = this.#guarded(() => this.#store.expireBeside(own, ageMs, limit)) ?? [];
    for (const moved of expired) this.#tell(moved.event_id, moved);
    return expired.length;
  }

  /** A later event replaces this one: what is pending of it is given up. */
  supersede(event_id: string): void {
    for (const moved of this.#guarded(() => this.#store.supersede(event_id)) ?? []) this.#tell(event_id, moved);
  }

  /** Claims what there is room for, and sends it when that is stored. */
  async #claim(seat: Seat): Promise<void> {
    const { target } = seat;
    seat.isClaiming = true;
    const room = () => {
      // Whatever happened before this is seen by the claim.
      seat.isWoken = false;
      return this.#isRunning && this.#targets.get(target.url) === seat ? target.publishRoom() : 0;
    };
    const due = await this.#store.claimSoon(target.url, room).catch(() => undefined);
    seat.isClaiming = false;
    if (due === undefined) {
      this.counters.store_failures += 1;
      this.#later(target.url, this.#settings.storeRetryMs);
      return;
    }
    seat.dueAt = 'nextDueAt' in due ? (due.nextDueAt ?? Number.POSITIVE_INFINITY) : 0;
    for (const claimed of due.claimed) this.#deliver(target, claimed);
    if (seat.isWoken) this.wake(target.url);
    else if ('nextDueAt' in due) this.#wakeAt(target.url, due.nextDueAt);
    else this.#wakeForMore(target);
  }

  /** There may be more than there was room for. */
  #wakeForMore(target: PublishTarget): void {
    const waitMs = target.publishWaitMs();
    // Never in the same turn: what cannot be sent comes back at once, and would be claimed again without end.
    if (waitMs !== undefined) this.#later(target.url, Math.max(1, waitMs));
  }

  #deliver(target: PublishTarget, { event, tries }: Claimed): void {
    this.counters.tries += 1;
    target
      .publish(event)
      .catch((error: unknown) => retry('closed', String(error)))
      .then((verdict) => {
        this.#write(this.#moveOf(target.url, event.id, verdict, tries));
        // Never at once: what could not be sent now cannot be sent in the same turn either.
        if (verdict.reason === 'not-sent') this.#later(target.url, this.#settings.storeRetryMs);
        else if (verdict.outcome === 'retry') this.wake(target.url);
        else this.ready(target.url);
      });
  }

  #moveOf(relay: string, event_id: string, verdict: Verdict, tries: number): DeliveryMove {
    const { reason, message } = verdict;
    const about = { event_id, relay, reason, message };
    if (verdict.outcome === 'accepted') return { ...about, input: 'accept' };
    if (verdict.outcome === 'rejected') return { ...about, input: 'reject' };
    if (reason === 'not-sent') return { ...about, input: 'release' };
    if (tries >= this.#settings.maxTries) return { ...about, input: 'exhaust' };
    const delay = backoffDelay(this.#settings.backoff, tries - 1, this.#ports.random);
    return { ...about, input: 'retry', next_at_ms: Math.ceil(this.#ports.clock.now() + delay) };
  }

  /** Writes a verdict, and again until the file takes it: a verdict is lost only with the process. */
  #write(move: DeliveryMove): void {
    this.#store.moveSoon(move).then(
      (moved) => {
        if (moved !== undefined) this.#tell(move.event_id, moved);
      },
      (error: unknown) => {
        // In flight in the file: whoever opens it next makes it pending.
        if (error instanceof BridgeError && error.code === 'closed') return;
        this.counters.store_failures += 1;
        if (!this.#isRunning) return;
        this.#unwritten.push(move);
        this.#cancelWrite ??= this.#ports.scheduler.after(this.#settings.storeRetryMs, () => {
          this.#cancelWrite = undefined;
          for (const one of this.#unwritten.splice(0)) this.#write(one);
        });
      },
    );
  }

  #tell(event_id: string, { to, standing, isNewStanding }: Moved): void {
    if (to === 'accepted') this.counters.accepted += 1;
    if (to === 'rejected') this.counters.rejected += 1;
    if (to === 'pending') this.counters.retried += 1;
    if (to === 'dead') this.counters.died += 1;
    if (isNewStanding) for (const listener of this.#listeners) listener(event_id, standing);
  }

  #poll(): void {
    const expired = this.#guarded(() => this.#store.expire(this.#settings.maxAgeMs, expireAtOnce)) ?? [];
    for (const moved of expired) this.#tell(moved.event_id, moved);
    for (const url of this.#targets.keys()) this.wake(url);
    this.#cancelPoll = this.#ports.scheduler.after(this.#settings.pollMs, () => this.#poll());
  }

  #wakeAt(url: string, dueAt: number | undefined): void {
    if (dueAt !== undefined) this.#later(url, Math.max(1, dueAt - this.#ports.clock.now()));
  }

  #later(url: string, milliseconds: number): void {
    const entry = this.#targets.get(url);
    if (!this.#isRunning || entry === undefined) return;
    entry.cancel();
    entry.cancel = this.#ports.scheduler.after(milliseconds, () => this.wake(url));
  }

  /** A file that refuses is counted and tried again: nothing of it reaches whoever called. */
  #guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch {
      this.counters.store_failures += 1;
      return undefined;
    }
  }
}

function seatOf(target: PublishTarget): Seat {
  return { target, cancel: () => {}, isClaiming: false, isWoken: false, dueAt: 0 };
}
