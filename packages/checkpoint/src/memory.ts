// A store that forgets: for tests of programs that hold one, and for what need not outlive its process.
import type { Clock } from '@autopilot/sync-contract';
import { CheckpointError } from './errors.ts';
import { emptyContent, type MemoryContent } from './memory-content.ts';
import { MemoryCheckpointStore } from './memory-store.ts';
import type { AuditLimits, CheckpointStore, StoreScope } from './store.ts';
import { auditLimits, checkScope } from './validate.ts';

/** How to make stores in memory. */
export interface MemoryOptions {
  readonly clock: Clock;
  /**
   * Asked before each call of a store does anything. What it throws is what the call throws, and nothing has changed:
   * a way to try a full disk or a damaged file on the holder of a store.
   */
  readonly onCall?: (method: keyof CheckpointStore) => void;
}

/** What a file is to the SQLite store: what was committed is there when it is opened again. */
export interface MemoryCheckpoints {
  /**
   * @throws {CheckpointError} `locked` while a store of it is open, `invalid_option`
   */
  open(scope: StoreScope, limits?: AuditLimits): CheckpointStore;
  /** The next opening finds it damaged: it goes on from the last backup, or empty, and says so in `recovered`. */
  damage(): void;
}

/**
 * Makes an empty place for stores in memory. They keep the contract of a checkpoint store, as `checkpointConformance`
 * proves; nothing outlives the process, and there is no file to lock, migrate or check.
 */
export function memoryCheckpoints(options: MemoryOptions): MemoryCheckpoints {
  let content: MemoryContent = emptyContent();
  let previous: MemoryContent | undefined;
  let isDamaged = false;
  let isHeld = false;
  return {
    open(scope, given = {}) {
      checkScope(scope);
      const limits = auditLimits(given);
      if (isHeld) throw new CheckpointError('locked', 'These checkpoints are in use.');
      const recovered = isDamaged
        ? ({
            reason: 'corrupt',
            detail: 'it was damaged on purpose',
            quarantined: undefined,
            restored_from: previous === undefined ? 'nothing' : 'previous',
            previous_quarantined: undefined,
          } as const)
        : undefined;
      if (isDamaged) content = previous === undefined ? emptyContent() : structuredClone(previous);
      isDamaged = false;
      isHeld = true;
      const { clock, onCall = () => undefined } = options;
      const release = () => {
        isHeld = false;
      };
      const keep = (copy: MemoryContent) => {
        previous = copy;
      };
      return new MemoryCheckpointStore({ scope, clock, limits, onCall, recovered, content, release, keep });
    },
    damage() {
      isDamaged = true;
    },
  };
}
