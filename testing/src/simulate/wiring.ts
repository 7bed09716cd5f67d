import type { Commit } from '../../../packages/checkpoint/src/index.ts';
import type { Session, SessionOptions } from '../../../packages/session/src/index.ts';
import type { ApplicationStore } from './owner-store.ts';
import type { OwnerContext } from './stream-owner.ts';

/**
 * How a client is put together. A run uses {@link soundWiring}; tests of the oracle put a defect in one of the joints,
 * to see that it is found.
 */
export interface Wiring {
  session(options: SessionOptions): SessionOptions;
  /** What the application does with the lane, and what it hears of it. */
  lane(session: Session): Pick<Session, 'follow' | 'rewind' | 'unfollow' | 'listen'>;
  /** What the application writes to; `tell` tells listeners of a commit. */
  store(store: ApplicationStore, tell: (commit: Commit) => void): ApplicationStore;
  context(context: OwnerContext): OwnerContext;
}

/** As it should be. */
export const soundWiring: Wiring = {
  session: (options) => options,
  lane: (session) => session,
  store: (store) => store,
  context: (context) => context,
};
