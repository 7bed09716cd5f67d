import { type Batch, type BatchFaults, buildBatch } from './batch.ts';
import type { FaultName } from './fault-spec.ts';
import type { KhalaFaults } from './faults.ts';
import type { TopicEntry, TopicLog } from './topic-log.ts';

/** What the cache needs of the world around it. */
interface BatchSettings {
  readonly options: { readonly batchSize?: number; readonly twins?: boolean };
  readonly faults: KhalaFaults;
}

const sound: BatchFaults = { duplicate: false, reorder: false, binary: false, twin: 'sound' };
/** Batches kept for sockets that lag; older ones are built again. */
const kept = 512;

/** The batches of one topic: what is pushed live is serialised once, whoever gets it. */
export class BatchCache {
  readonly #log: TopicLog;
  readonly #settings: BatchSettings;
  readonly #byStart = new Map<number, Batch>();
  #announced = 0;

  constructor(log: TopicLog, settings: BatchSettings) {
    this.#log = log;
    this.#settings = settings;
  }

  /** Live batches may now reach up to here. */
  advance(head: number): void {
    this.#announced = head;
  }

  clear(): void {
    this.#byStart.clear();
  }

  /** The live batch that starts after a watermark; undefined when nothing is new there. */
  next(from: number): Batch | undefined {
    if (from >= this.#announced) return undefined;
    const known = this.#byStart.get(from);
    if (known !== undefined) return known;
    const batch = this.#build(from, this.#size, this.#announced, true);
    this.#byStart.set(from, batch);
    if (this.#byStart.size > kept) this.#byStart.delete(this.#byStart.keys().next().value as number);
    return batch;
  }

  /** A batch of the replay for one subscription: withheld events are in it. */
  replay(from: number, size: number | undefined): Batch | undefined {
    if (from >= this.#log.head) return undefined;
    return this.#build(from, size ?? this.#size, this.#log.head, false);
  }

  get #size(): number {
    return this.#settings.options.batchSize ?? 200;
  }

  #build(from: number, size: number, upTo: number, live: boolean): Batch {
    const page = this.#log.after(from, size, upTo);
    // A page that is not full reaches the end, also past watermarks that were lost.
    const to = page.length < size ? upTo : (page.at(-1)?.watermark ?? upTo);
    const entries = live ? page.filter((entry) => !entry.withheld) : page;
    const faults = this.#settings.faults.any && entries.length > 0 ? this.#takeFaults(entries) : sound;
    const twins = this.#settings.options.twins ?? true;
    return buildBatch({ log: this.#log, entries, from, to, twins, faults });
  }

  #takeFaults(entries: readonly TopicEntry[]): BatchFaults {
    const take = (name: FaultName): boolean =>
      this.#settings.faults.take(name, { topic: this.#log.name }) !== undefined;
    const base64 = take('malformed_frame_base64');
    return {
      duplicate: take('duplicate_batch'),
      reorder: entries.length > 1 && take('reorder_updates'),
      binary: take('binary_frame'),
      twin: base64 ? 'malformed-base64' : take('malformed_frame_json') ? 'malformed-json' : 'sound',
    };
  }
}
