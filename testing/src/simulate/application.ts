import type { LaneSignal, LaneState } from '@autopilot/sync-contract';
import { type OwnerContext, StreamOwner } from './stream-owner.ts';

/** A closed stream may be there again without a word: it is asked for once in so many milliseconds. */
const askAgainMs = 3_000;
const disconnected: ReadonlySet<LaneState> = new Set<LaneState>([
  'authenticating',
  'connecting',
  'backoff',
  'needs-auth',
  'failed',
  'closed',
]);

/** An application between a session and a store, as the desktop is one: every stream of it has an owner. */
export class Application {
  readonly #context: OwnerContext;
  readonly #owners = new Map<string, StreamOwner>();
  readonly #timers = new Map<string, () => void>();

  constructor(context: OwnerContext) {
    this.#context = context;
  }

  /** Follows a stream from its watermark; does nothing when it is followed already. */
  follow(id: string): void {
    if (this.#owners.has(id)) return;
    const owner = new StreamOwner(this.#context, id);
    this.#owners.set(id, owner);
    owner.follow();
  }

  unfollow(id: string): void {
    this.#owners.get(id)?.stop();
    this.#owners.delete(id);
    this.#forget(id);
  }

  /** A person has looked at what stands still. */
  unblock(): void {
    for (const owner of this.#owners.values()) if (owner.standing === 'blocked') owner.follow();
  }

  signal(signal: LaneSignal): void {
    if (signal.type === 'state') {
      if (disconnected.has(signal.to)) for (const owner of this.#owners.values()) owner.lostConnection();
      return;
    }
    const owner = this.#owners.get(signal.stream_id);
    switch (signal.type) {
      case 'batch':
        owner?.batch(signal);
        break;
      case 'head':
        owner?.head(signal);
        break;
      case 'stale':
        owner?.stale(signal);
        break;
      case 'stream-closed':
        owner?.closed(signal);
        if (owner !== undefined) this.#askAgain(signal.stream_id, owner);
        break;
      case 'transient':
        break;
    }
  }

  /** Ends every timer; the session is closed by whoever made it. */
  close(): void {
    for (const id of [...this.#owners.keys()]) this.unfollow(id);
  }

  #askAgain(id: string, owner: StreamOwner): void {
    this.#forget(id);
    const cancel = this.#context.ports.scheduler.after(askAgainMs, () => {
      this.#timers.delete(id);
      owner.follow();
    });
    this.#timers.set(id, cancel);
  }

  #forget(id: string): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
  }
}
