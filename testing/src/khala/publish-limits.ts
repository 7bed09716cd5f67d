import type { Clock } from '@autopilot/sync-contract';
import { fanoutClass } from './fanout-topics.ts';

/** Why an event may not be published now. */
interface PublishRefusal {
  readonly status: 429 | 413;
  readonly code: 'khala_publish_rate_limited' | 'khala_frame_payload_too_large';
}

/** The fan-out's limits on rate and size, per topic. */
export class PublishLimits {
  readonly #clock: Clock;
  readonly #seconds = new Map<string, { second: number; count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts an event of `bytes` for the topic of a worker; undefined when it may pass. */
  check(workerId: string, bytes: number): PublishRefusal | undefined {
    const topic = fanoutClass(workerId) === undefined ? `worker:${workerId}:lifecycle` : workerId;
    const limits = fanoutClass(topic);
    if (limits === undefined) return undefined;
    if (bytes > limits.payload_bytes) return { status: 413, code: 'khala_frame_payload_too_large' };
    const second = Math.floor(this.#clock.monotonic() / 1000);
    const known = this.#seconds.get(topic);
    const count = known?.second === second ? known.count + 1 : 1;
    this.#seconds.set(topic, { second, count });
    return count > limits.publishes_per_second ? { status: 429, code: 'khala_publish_rate_limited' } : undefined;
  }
}
