import type { Cancel, Ports } from '@autopilot/sync-contract';
import type { Deliveries, PublishTarget } from '../outbox/deliveries.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { Relay, RelayStatus } from '../relay/relay.ts';
import type { Verdict } from '../relay/verdict.ts';
import { visitable } from './visit-rules.ts';
import type { VisitSettings } from './visit-settings.ts';

/** What visits are made of. */
export interface VisitsParts {
  readonly store: OutboxStore;
  readonly deliveries: Deliveries;
  readonly ports: Ports;
  /** Relays that are connected to all the time: no visit is made there. */
  readonly own: readonly string[];
  readonly settings: VisitSettings;
  /** Makes a relay, which is started and closed here. */
  readonly make: (url: string) => Relay;
}

interface Visit {
  readonly relay: Relay;
  readonly begunAt: number;
  /** When it was begun, or last answered. */
  heardAt: number;
  inFlight: number;
}

const mostBetweenLooksMs = 5_000;
/** A relay that always answers and never takes: its visit ends all the same after so many times `visitMs`. */
const longest = 10;
const expiredAtOnce = 500;

/**
 * Connects to relays outside of the settings while there is something to deliver: a few at a time, each for a short
 * while, that which has waited longest first. Best effort: what cannot be delivered is given up after `ageMs`.
 */
export class Visits {
  readonly counters = { begun: 0, answered: 0, expired: 0, faults: 0 };
  readonly #parts: VisitsParts;
  readonly #visits = new Map<string, Visit>();
  /** Deliveries that wait for a visit, as far as is known. */
  #waiting = 0;
  #cancel: Cancel = () => {};
  #isRunning = false;

  constructor(parts: VisitsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isRunning = true;
    this.#look();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancel();
    for (const [url, visit] of this.#visits) this.#end(url, visit);
  }

  /** Something was stored for these relays. */
  wake(urls: readonly string[]): void {
    const { own } = this.#parts;
    for (const url of urls) {
      if (own.includes(url)) continue;
      this.#waiting += 1;
      if (!this.#visits.has(url)) this.#begin(url);
    }
  }

  /** Whether more may be stored for relays that strangers name: else they could fill the file. */
  get hasRoom(): boolean {
    return this.#waiting < this.#parts.settings.maxWaiting;
  }

  /** The visits that there are. */
  status(): readonly RelayStatus[] {
    return [...this.#visits.values()].map(({ relay }) => relay.status());
  }

  #look(): void {
    const { ports, settings } = this.#parts;
    try {
      this.#attend();
    } catch {
      // The file refuses: the next look tries again.
      this.counters.faults += 1;
    }
    const pause = Math.min(mostBetweenLooksMs, settings.visitMs);
    this.#cancel = ports.scheduler.after(pause, () => this.#look());
  }

  #attend(): void {
    const { store, deliveries, ports, own, settings } = this.#parts;
    this.counters.expired += deliveries.expireBeside(own, settings.ageMs, expiredAtOnce);
    const now = ports.clock.monotonic();
    for (const [url, visit] of this.#visits) {
      const isSilent = now - visit.heardAt >= settings.visitMs;
      if (isSilent || now - visit.begunAt >= longest * settings.visitMs) this.#end(url, visit);
    }
    const waiting = store.waitingBeside(own);
    this.#waiting = waiting.reduce((sum, { number }) => sum + number, 0);
    const due = waiting.filter(({ relay, next_at_ms }) => next_at_ms <= ports.clock.now() && !this.#visits.has(relay));
    const isNeeded = new Set(waiting.map(({ relay }) => relay));
    for (const { relay } of due) {
      if (this.#visits.size >= settings.maxVisitedRelays) this.#endIdle(isNeeded);
      this.#begin(relay);
    }
  }

  /** Makes room for those who wait: a visit with nothing left to deliver goes. */
  #endIdle(isNeeded: ReadonlySet<string>): void {
    const idle = [...this.#visits].find(([url, { inFlight }]) => inFlight === 0 && !isNeeded.has(url));
    if (idle !== undefined) this.#end(...idle);
  }

  #begin(url: string): void {
    const { ports, deliveries, settings, make } = this.#parts;
    if (!this.#isRunning || this.#visits.size >= settings.maxVisitedRelays) return;
    // What its owner, or an earlier version with other settings, stored for such a relay stays until it is too old.
    if (visitable(url, settings) !== url) return;
    const now = ports.clock.monotonic();
    const relay = make(url);
    const visit: Visit = { relay, begunAt: now, heardAt: now, inFlight: 0 };
    this.#visits.set(url, visit);
    this.counters.begun += 1;
    const target: PublishTarget = {
      url,
      publishWaitMs: () => relay.publishWaitMs(),
      publishRoom: () => relay.publishRoom(),
      publish: async (event) => {
        visit.inFlight += 1;
        const verdict = await relay.publish(event);
        visit.inFlight -= 1;
        if (isAnswer(verdict)) {
          visit.heardAt = ports.clock.monotonic();
          this.counters.answered += 1;
        }
        return verdict;
      },
    };
    deliveries.add(target);
    relay.start();
  }

  /** What is left there waits behind everybody else: as long again as it has waited. */
  #end(url: string, { relay }: Visit): void {
    const { deliveries, store, settings } = this.#parts;
    this.#visits.delete(url);
    deliveries.remove(url);
    relay.close();
    try {
      store.postpone(url, settings.visitMs);
    } catch {
      this.counters.faults += 1;
    }
  }
}

function isAnswer({ reason }: Verdict): boolean {
  return reason !== 'deadline' && reason !== 'closed' && reason !== 'not-sent';
}
