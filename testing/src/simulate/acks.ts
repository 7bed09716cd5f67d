import { type Cancel, isCodedError, type Scheduler } from '@autopilot/sync-contract';
import type { Session } from '../../../packages/session/src/index.ts';

type Ack = Parameters<Session['ackCheckpoint']>[0];

const gatherMs = 500;

/** Tells the host how far an application is, in passing: the newest place of each stream, and never at once. */
export class Acks {
  readonly #scheduler: Scheduler;
  readonly #send: (ack: Ack) => Promise<void>;
  readonly #waiting = new Map<string, Ack>();
  #planned: Cancel | undefined;

  constructor(scheduler: Scheduler, send: (ack: Ack) => Promise<void>) {
    this.#scheduler = scheduler;
    this.#send = send;
  }

  note(ack: Ack): void {
    this.#waiting.set(ack.stream_id, ack);
    this.#planned ??= this.#scheduler.after(gatherMs, () => {
      this.#planned = undefined;
      for (const one of this.#waiting.values()) void this.#try(one);
      this.#waiting.clear();
    });
  }

  close(): void {
    this.#planned?.();
    this.#planned = undefined;
    this.#waiting.clear();
  }

  /** One that is lost costs nothing: a newer one follows. */
  async #try(ack: Ack): Promise<void> {
    try {
      await this.#send(ack);
    } catch (error) {
      if (!isCodedError(error)) throw error;
    }
  }
}
