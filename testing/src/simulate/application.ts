import type { LaneSignal, LaneState } from '@autopilot/sync-contract';
import type { Commit } from '../../../packages/checkpoint/src/index.ts';
import { Acks } from './acks.ts';
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
  readonly #acks: Acks;

  /** @param acknowledge Tells the host of a place that is stored. */
  constructor(context: OwnerContext, acknowledge: ConstructorParameters<typeof Acks>[1]) {
    this.#context = context;
    this.#acks = new Acks(context.ports.scheduler, acknowledge);
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

  /** These streams may be read: one of them that was closed is tried again. */
  granted(ids: readonly string[]): void {
    for (const id of ids) {
      const owner = this.#owners.get(id);
      if (owner?.standing !== 'closed') continue;
      this.#forget(id);
      owner.follow();
    }
  }

  /** A commit is stored, and is told. */
  stored({ changes }: Commit): void {
    for (const { stream_id, epoch, seq, chain } of changes) this.#acks.note({ stream_id, epoch, seq, chain });
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
    this.#acks.close();
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
