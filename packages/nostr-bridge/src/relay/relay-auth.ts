import type { Cancel } from '@autopilot/sync-contract';
import { within } from '../deadline.ts';
import type { Signer } from '../event/signer.ts';
import type { LinkContext } from './link-context.ts';
import type { Verdict } from './verdict.ts';

const authKind = 22_242;

/** NIP-42 on one connection: answered only when something needs it, each challenge once, and never without a deadline. */
export class RelayAuth {
  readonly #context: LinkContext;
  readonly #send: (frame: readonly unknown[]) => void;
  #challenge: string | undefined;
  #answered: string | undefined;
  #given = 0;
  #running: Promise<boolean> | undefined;
  #waiting: { readonly id: string; readonly done: (accepted: boolean) => void } | undefined;
  #ended = false;

  constructor(context: LinkContext, send: (frame: readonly unknown[]) => void) {
    this.#context = context;
    this.#send = send;
  }

  /** The relay has a new challenge; the one before is void. Nothing is answered yet. */
  challenged(challenge: string): void {
    this.#context.counters.challenges += 1;
    this.#challenge = challenge;
  }

  /** Authenticates by the present challenge. @returns whether the relay took it; false as well after the deadline. */
  authenticate(): Promise<boolean> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** @returns whether this OK was that of an authentication. */
  settled(id: string, verdict: Verdict): boolean {
    if (this.#waiting?.id !== id) return false;
    this.#waiting.done(verdict.outcome === 'accepted');
    return true;
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.done(false);
  }

  async #run(): Promise<boolean> {
    const { signer, settings, counters } = this.#context;
    const challenge = this.#challenge;
    if (signer === undefined || challenge === undefined || challenge === this.#answered) return false;
    // A relay that asks again and again gets no more signatures.
    if (this.#given >= settings.maxAuths) return false;
    this.#answered = challenge;
    this.#given += 1;
    const taken = await this.#answer(signer, challenge);
    if (taken) counters.authentications += 1;
    else counters.failed_authentications += 1;
    return taken;
  }

  async #answer(signer: Signer, challenge: string): Promise<boolean> {
    const { ports, settings, url } = this.#context;
    const until = ports.clock.monotonic() + settings.authMs;
    const template = {
      kind: authKind,
      created_at: Math.floor(ports.clock.now() / 1000),
      tags: [
        ['relay', url],
        ['challenge', challenge],
      ],
      content: '',
    };
    const signed = await within(ports.scheduler, settings.authMs, () => signer.sign(template));
    if (signed.outcome !== 'done' || this.#ended) return false;
    return new Promise((resolve) => {
      let cancel: Cancel = () => {};
      const done = (accepted: boolean) => {
        cancel();
        this.#waiting = undefined;
        resolve(accepted);
      };
      this.#waiting = { id: signed.value.id, done };
      cancel = ports.scheduler.after(until - ports.clock.monotonic(), () => done(false));
      this.#send(['AUTH', signed.value]);
    });
  }
}
