import type { Cancel } from '@autopilot/sync-contract';
import type { NostrEvent } from '../event/event.ts';
import type { LinkContext } from './link-context.ts';
import type { RelayAuth } from './relay-auth.ts';
import { retry, type Verdict } from './verdict.ts';

interface Publish {
  readonly event: NostrEvent;
  readonly promise: Promise<Verdict>;
  readonly settle: (verdict: Verdict) => void;
  hasAuthenticated: boolean;
}

/** The events that one connection has sent and not heard of. Each settles once, at its deadline at the latest. */
export class RelayPublishes {
  readonly #context: LinkContext;
  readonly #auth: RelayAuth;
  readonly #send: (frame: readonly unknown[]) => void;
  readonly #pending = new Map<string, Publish>();

  constructor(context: LinkContext, auth: RelayAuth, send: (frame: readonly unknown[]) => void) {
    this.#context = context;
    this.#auth = auth;
    this.#send = send;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Sends an event; one that is under way already is not sent twice. `late` is called at its deadline. */
  publish(event: NostrEvent, late: () => void): Promise<Verdict> {
    const running = this.#pending.get(event.id);
    if (running !== undefined) return running.promise;
    const { ports, settings, counters } = this.#context;
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    let cancel: Cancel = () => {};
    const settle = (verdict: Verdict) => {
      cancel();
      this.#pending.delete(event.id);
      resolve(verdict);
    };
    cancel = ports.scheduler.after(settings.publishMs, () => {
      counters.publish_deadlines += 1;
      settle(retry('deadline', `No answer within ${settings.publishMs} ms.`));
      late();
    });
    this.#pending.set(event.id, { event, promise, settle, hasAuthenticated: false });
    counters.published += 1;
    this.#send(['EVENT', event]);
    return promise;
  }

  /** @returns whether somebody waits for this OK. */
  answered(id: string, verdict: Verdict): boolean {
    const publish = this.#pending.get(id);
    if (publish === undefined) return false;
    if (verdict.outcome === 'retry' && verdict.reason === 'auth-required' && !publish.hasAuthenticated) {
      // Still the same try, under the same deadline: whoever retries is the one who asked.
      publish.hasAuthenticated = true;
      void this.#authenticated(publish, verdict);
    } else publish.settle(verdict);
    return true;
  }

  end(): void {
    for (const { settle } of [...this.#pending.values()]) settle(retry('closed', 'The connection ended.'));
  }

  async #authenticated(publish: Publish, refusal: Verdict): Promise<void> {
    const taken = await this.#auth.authenticate();
    if (this.#pending.get(publish.event.id) !== publish) return;
    if (taken) this.#send(['EVENT', publish.event]);
    else publish.settle(refusal);
  }
}
