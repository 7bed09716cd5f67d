import type { Clock } from '@autopilot/sync-contract';

/** A token bucket for each key. */
export interface RateLimiter {
  /** Takes one token: 0, or the seconds until there is one. */
  take(key: string): number;
  /** The seconds until there is a token, without taking it; 0 when there is one. */
  wait(key: string): number;
}

/** The size of each bucket, and how fast it fills. */
export interface RateLimit {
  readonly burst: number;
  readonly perMinute: number;
}

/** How many buckets are kept before the full ones are dropped. */
const manyBuckets = 10_000;

/** A limiter in memory: each replica counts for itself. */
export function createRateLimiter(clock: Clock, { burst, perMinute }: RateLimit): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const perMillisecond = perMinute / 60_000;

  function fill(key: string): { tokens: number; at: number } {
    const now = clock.monotonic();
    const bucket = buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) * perMillisecond);
    bucket.at = now;
    return bucket;
  }

  function forgetFull(): void {
    for (const key of [...buckets.keys()]) if (fill(key).tokens >= burst) buckets.delete(key);
  }

  const secondsUntilOne = (tokens: number) => (tokens >= 1 ? 0 : (1 - tokens) / perMillisecond / 1_000);
  return {
    take(key) {
      const bucket = fill(key);
      const wait = secondsUntilOne(bucket.tokens);
      if (wait === 0) bucket.tokens -= 1;
      if (buckets.size >= manyBuckets) forgetFull();
      buckets.set(key, bucket);
      return wait;
    },
    wait: (key) => secondsUntilOne(fill(key).tokens),
  };
}
