import type { SpawnBridge } from '@autopilot/nostr-bridge';
import type { Clock } from '@autopilot/sync-contract';

/** What is known of the last word of a bridge. */
export interface LastWord {
  /** When a process last said how it stands, milliseconds since the Unix epoch; null when none has yet. */
  readonly as_of: number | null;
  /** Whether it was the newest process: otherwise what was said is of one that is over. */
  readonly is_of_newest: boolean;
}

/** Processes like those of `spawn`, with a note of when they said how they stand. */
export function noteLastWord(spawn: SpawnBridge, clock: Clock): { readonly spawn: SpawnBridge; lastWord(): LastWord } {
  let word: LastWord = { as_of: null, is_of_newest: false };
  return {
    lastWord: () => word,
    spawn({ said, ended }) {
      let isOver = false;
      word = { ...word, is_of_newest: false };
      return spawn({
        said(message) {
          if (message.type === 'beat' && !isOver) word = { as_of: clock.now(), is_of_newest: true };
          said(message);
        },
        ended(reason) {
          isOver = true;
          ended(reason);
        },
      });
    },
  };
}
