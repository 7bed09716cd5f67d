/** The chains of the last positions that control has delivered, to compare with what units have applied. */
export interface RecentChains {
  remember(streamId: string, epoch: string, seq: string, chain: string): void;
  /** Undefined when it is not known here: the position is too old, or another replica delivered it. */
  at(streamId: string, epoch: string, seq: string): string | undefined;
}

/** Keeps so many positions over all streams; the oldest go. */
export function createRecentChains(most = 50_000): RecentChains {
  const chains = new Map<string, string>();
  // A stream id holds no space, and a sequence is digits.
  const nameOf = (streamId: string, epoch: string, seq: string) => `${streamId} ${seq} ${epoch}`;
  return {
    remember(streamId, epoch, seq, chain) {
      chains.set(nameOf(streamId, epoch, seq), chain);
      if (chains.size <= most) return;
      const oldest = chains.keys().next();
      if (!oldest.done) chains.delete(oldest.value);
    },
    at: (streamId, epoch, seq) => chains.get(nameOf(streamId, epoch, seq)),
  };
}
