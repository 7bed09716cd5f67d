import { type ComparatorOptions, type ComparedEvent, createComparator } from '@autopilot/cutover-flags/parity';
import { type Clock, canonicalJson, canonicalPayloadHash, type Scheduler } from '@autopilot/sync-contract';

/** Time that goes on only when it is told to, and the timers of that time. */
class TestTime implements Clock, Scheduler {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly task: () => void }>();

  now(): number {
    return 1_700_000_000_000 + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(milliseconds: number, task: () => void): () => void {
    const timer = { at: this.#now + milliseconds, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.task();
    }
    this.#now = end;
  }
}

export const streamId = 'runtime.worker.1';
export const epoch = 'epoch-1';

/** Event `seq` of a stream. */
export function event(seq: number | bigint, change: Partial<ComparedEvent> & { value?: unknown } = {}): ComparedEvent {
  const { value = { n: String(seq) }, ...fields } = change;
  const payload = canonicalJson(value);
  return {
    stream_id: streamId,
    epoch,
    seq: BigInt(seq),
    kind: 'item/completed',
    payload,
    payload_hash: canonicalPayloadHash(payload),
    idempotency_key: `key-${seq}`,
    ...fields,
  };
}

export function events(from: number, to: number): readonly ComparedEvent[] {
  return Array.from({ length: to - from + 1 }, (_, index) => event(from + index));
}

/** A comparator on test time with a tolerance of one second. */
export function setUp(options: Partial<Omit<ComparatorOptions, 'ports'>> = {}) {
  const time = new TestTime();
  const comparator = createComparator({
    pair: 'khala/spacetime',
    tolerance_ms: 1_000,
    ports: { clock: time, scheduler: time },
    ...options,
  });
  return { time, comparator };
}

/** The same with both sides at the start of the stream. */
export function begun(options: Partial<Omit<ComparatorOptions, 'ports'>> = {}) {
  const world = setUp(options);
  world.comparator.begin('left', streamId, { epoch, seq: 0n });
  world.comparator.begin('right', streamId, { epoch, seq: 0n });
  return world;
}

export const noResults = {
  match: 0,
  mismatch: 0,
  missing_left: 0,
  missing_right: 0,
  extra: 0,
  reordered: 0,
  late: 0,
  ignored: 0,
};
