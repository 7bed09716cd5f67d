import { type BackoffPolicy, backoffDelay, type Cancel, type Ports } from '@autopilot/sync-contract';
import type { NostrEvent } from '../event/event.ts';
import { retry, type Verdict } from '../relay/verdict.ts';
import type { Claimed, DeliveryMove, Moved, OutboxStore } from './outbox-store.ts';
import type { Standing } from './quorum.ts';

/** What the outbox needs of a relay; see `Relay`. */
export interface PublishTarget {
  readonly url: string;
  publishWaitMs(): number | undefined;
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
  readonly #targets = new Map<string, { readonly target: PublishTarget; cancel: Cancel }>();
  readonly #listeners = new Set<StandingListener>();
  /** Verdicts that could not be written yet: at most what is in flight. */
  readonly #unwritten: { move: DeliveryMove; tries: number }[] = [];
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
    for (const target of targets) this.#targets.set(target.url, { target, cancel: () => {} });
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

  /** Something is stored for a relay, or it may be possible to send to it. */
  wake(url: string): void {
    const entry = this.#targets.get(url);
    if (!this.#isRunning || entry === undefined) return;
    const { target } = entry;
    entry.cancel();
    let waitMs = target.publishWaitMs();
    while (waitMs === 0) {
      const claimed = this.#guarded(() => ({ delivery: this.#store.claim(url) }));
      if (claimed?.delivery === undefined) {
        if (claimed === undefined) this.#later(url, this.#settings.storeRetryMs);
        else this.#wakeWhenDue(url);
        return;
      }
      this.#deliver(target, claimed.delivery);
      waitMs = target.publishWaitMs();
    }
    // Undefined: not connected, or enough in flight; the target says when that is over.
    if (waitMs !== undefined) this.#later(url, waitMs);
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
    this.#targets.set(target.url, { target, cancel: () => {} });
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

  #deliver(target: PublishTarget, { event, tries }: Claimed): void {
    this.counters.tries += 1;
    target
      .publish(event)
      .catch((error: unknown) => retry('closed', String(error)))
      .then((verdict) => {
        this.#write({ move: this.#moveOf(target.url, event.id, verdict, tries), tries });
        // Never at once: what could not be sent now cannot be sent in the same turn either.
        if (verdict.reason === 'not-sent') this.#later(target.url, this.#settings.storeRetryMs);
        else this.wake(target.url);
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
  #write(verdict: { move: DeliveryMove; tries: number }): void {
    const written = this.#guarded(() => ({ moved: this.#store.move(verdict.move) }));
    if (written === undefined) {
      if (!this.#isRunning) return;
      this.#unwritten.push(verdict);
      this.#cancelWrite ??= this.#ports.scheduler.after(this.#settings.storeRetryMs, () => {
        this.#cancelWrite = undefined;
        for (const one of this.#unwritten.splice(0)) this.#write(one);
      });
      return;
    }
    const { moved } = written;
    if (moved !== undefined) this.#tell(verdict.move.event_id, moved);
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

  #wakeWhenDue(url: string): void {
    const due = this.#guarded(() => ({ at: this.#store.nextDueAt(url) }));
    if (due?.at !== undefined) this.#later(url, Math.max(1, due.at - this.#ports.clock.now()));
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
