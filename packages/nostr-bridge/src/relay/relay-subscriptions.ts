import type { Cancel } from '@autopilot/sync-contract';
import type { LinkContext } from './link-context.ts';
import type { RelayAuth } from './relay-auth.ts';
import { readClosed, type Verdict } from './verdict.ts';

/** A filter of NIP-01. */
export interface Filter {
  readonly ids?: readonly string[];
  readonly authors?: readonly string[];
  readonly kinds?: readonly number[];
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly [tag: `#${string}`]: readonly string[];
}

/** One subscription over all connections to a relay. Its callbacks must not throw. */
export interface RelaySubscription {
  /** 1 to 64 characters, unique among those of a relay. */
  readonly id: string;
  /** Asked for at every REQ: a reconnect begins where the subscriber says. */
  filters(): readonly Filter[];
  /** @returns false when no more is taken: the connection is given up, and its events are read again. */
  event(event: unknown, bytes: number): boolean;
  /** Everything that was stored when the REQ was served has come. */
  eose(): void;
  /** The relay serves it no more. A verdict to retry is tried again by the relay's owner of retries: the connection. */
  closed(verdict: Exclude<Verdict, { outcome: 'accepted' }>): void;
}

interface Running {
  readonly subscription: RelaySubscription;
  cancelDeadline: Cancel;
  hasAuthenticated: boolean;
}

/** The subscriptions of one connection. */
export class RelaySubscriptions {
  readonly #context: LinkContext;
  readonly #auth: RelayAuth;
  readonly #send: (frame: readonly unknown[]) => void;
  readonly #running = new Map<string, Running>();

  constructor(context: LinkContext, auth: RelayAuth, send: (frame: readonly unknown[]) => void) {
    this.#context = context;
    this.#auth = auth;
    this.#send = send;
  }

  /** Sends a REQ. `late` is called when no EOSE comes in time. */
  open(subscription: RelaySubscription, late: () => void): void {
    const running: Running = { subscription, cancelDeadline: () => {}, hasAuthenticated: false };
    this.#running.set(subscription.id, running);
    this.#request(running, late);
  }

  close(id: string): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#forget(running);
    this.#send(['CLOSE', id]);
  }

  /** @returns undefined when nobody has this subscription; whether its event was taken otherwise. */
  event(id: string, event: unknown, bytes: number): boolean | undefined {
    return this.#running.get(id)?.subscription.event(event, bytes);
  }

  /** @returns whether somebody waits for this EOSE. */
  eose(id: string): boolean {
    const running = this.#running.get(id);
    if (running === undefined) return false;
    running.cancelDeadline();
    running.subscription.eose();
    return true;
  }

  /** @returns whether somebody has this subscription. */
  closed(id: string, message: string, late: () => void): boolean {
    const running = this.#running.get(id);
    if (running === undefined) return false;
    const verdict = readClosed(message);
    running.cancelDeadline();
    if (verdict.reason === 'auth-required' && !running.hasAuthenticated) {
      running.hasAuthenticated = true;
      void this.#auth.authenticate().then((taken) => {
        if (this.#running.get(id) !== running) return;
        if (taken) this.#request(running, late);
        else this.#refused(running, verdict);
      });
    } else this.#refused(running, verdict);
    return true;
  }

  end(): void {
    for (const running of [...this.#running.values()]) this.#forget(running);
  }

  #request(running: Running, late: () => void): void {
    const { ports, settings, counters } = this.#context;
    running.cancelDeadline = ports.scheduler.after(settings.eoseMs, () => {
      counters.eose_deadlines += 1;
      late();
    });
    this.#send(['REQ', running.subscription.id, ...running.subscription.filters()]);
  }

  #refused(running: Running, verdict: Exclude<Verdict, { outcome: 'accepted' }>): void {
    this.#forget(running);
    running.subscription.closed(verdict);
  }

  #forget(running: Running): void {
    running.cancelDeadline();
    this.#running.delete(running.subscription.id);
  }
}
