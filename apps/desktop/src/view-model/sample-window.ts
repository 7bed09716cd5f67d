/** Percentiles of the most recent samples, exact. */
export interface SampleWindow {
  add(sample: number): void;
  /** How many samples are held: at most the capacity. */
  readonly size: number;
  /** Nearest rank: the lowest sample that at least `percent` per cent of them do not exceed; null without samples. */
  percentile(percent: number): number | null;
}

/** A window over the last `capacity` samples. What is not a finite number is not taken. */
export function createSampleWindow(capacity: number): SampleWindow {
  const ring = new Float64Array(capacity);
  let taken = 0;
  let sorted: Float64Array | undefined;
  const size = () => Math.min(taken, capacity);
  return {
    add(sample) {
      if (!Number.isFinite(sample)) return;
      ring[taken % capacity] = sample;
      taken += 1;
      sorted = undefined;
    },
    get size() {
      return size();
    },
    percentile(percent) {
      if (size() === 0) return null;
      sorted ??= ring.slice(0, size()).sort();
      const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
      return sorted[rank - 1] ?? null;
    },
  };
}
