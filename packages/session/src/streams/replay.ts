/** How far a catching up has come. */
export interface ReplayProgress {
  readonly from: bigint;
  readonly at: bigint;
  /** The highest sequence known to exist: it may grow on the way. */
  readonly head: bigint;
  /** 0 to 1. */
  readonly fraction: number;
  /** Handed over since the catching up began, per second; undefined before any time has gone by. */
  readonly events_per_second: number | undefined;
  /** Milliseconds that the rest takes at this rate; undefined while there is no rate. */
  readonly remaining_ms: number | undefined;
}

/** Where and when, by the monotonic clock, a catching up began. */
export interface ReplayStart {
  readonly seq: bigint;
  readonly at_ms: number;
}

/** The progress of a catching up, with no number that is not one. */
export function replayProgress(start: ReplayStart, at: bigint, head: bigint, nowMs: number): ReplayProgress {
  const whole = Number(head - start.seq);
  const done = Number(at - start.seq);
  const elapsed = nowMs - start.at_ms;
  const rate = elapsed > 0 && done > 0 ? (done * 1000) / elapsed : undefined;
  return {
    from: start.seq,
    at,
    head,
    fraction: whole > 0 ? Math.min(1, Math.max(0, done / whole)) : 0,
    events_per_second: rate,
    remaining_ms: rate === undefined ? undefined : (Math.max(0, whole - done) * 1000) / rate,
  };
}
