import type { ComparisonResult } from './comparison.ts';
import { type DiffLine, diffPayloads, type Redact } from './diff.ts';
import type { ComparedEvent, ComparedField, Side } from './event.ts';
import type { ComparatorLimits } from './options.ts';

/** One difference, kept to be looked at. Plain JSON, secrets redacted. */
export interface Sample {
  readonly result: Exclude<ComparisonResult, 'match'>;
  readonly stream_id: string;
  readonly epoch: string;
  /** Decimal. */
  readonly seq: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The side that is missing, repeated, out of order or late; null for a mismatch. */
  readonly side: Side | null;
  /** What differs. */
  readonly fields: readonly ComparedField[];
  readonly left: SampledEvent | null;
  readonly right: SampledEvent | null;
  readonly diff: readonly DiffLine[];
  /** Whether the diff is only its beginning, or the payload was too long to be kept. */
  readonly diff_cut: boolean;
  /** The ignore rule that excused it; null for none. */
  readonly rule: string | null;
}

/** What a sample tells of an event: its payload only by hash and diff. */
export interface SampledEvent {
  readonly kind: string;
  readonly idempotency_key: string;
  readonly payload_hash: string;
}

/** Stands for a payload that was too long to be kept: canonical JSON is never empty. */
const notKept = '';

/** The event as it is held and sampled: a payload longer than the bound is left out. */
export function bounded(event: ComparedEvent, mostPayload: number): ComparedEvent {
  return event.payload.length > mostPayload ? { ...event, payload: notKept } : event;
}

/** A difference as it was found; the diff is made when the window is taken, not while an event is offered. */
export interface RawSample extends Omit<Sample, 'left' | 'right' | 'diff' | 'diff_cut'> {
  readonly left: ComparedEvent | null;
  readonly right: ComparedEvent | null;
}

/** The first few differences of each result. */
export class SampleStore {
  readonly #limits: ComparatorLimits;
  readonly #redact: Redact | undefined;
  #kept = new Map<ComparisonResult, RawSample[]>();

  constructor(limits: ComparatorLimits, redact: Redact | undefined) {
    this.#limits = limits;
    this.#redact = redact;
  }

  wants(result: ComparisonResult): boolean {
    return (this.#kept.get(result)?.length ?? 0) < this.#limits.samples;
  }

  add(sample: RawSample): void {
    const kept = this.#kept.get(sample.result) ?? [];
    if (kept.length < this.#limits.samples) kept.push(sample);
    this.#kept.set(sample.result, kept);
  }

  /** The samples, and, with `clear`, an empty store. */
  take(clear: boolean): readonly Sample[] {
    const samples = [...this.#kept.values()].flat().map((raw) => this.#finish(raw));
    if (clear) this.#kept = new Map();
    return samples;
  }

  #finish(raw: RawSample): Sample {
    const { diff_lines, diff_value } = this.#limits;
    const { left, right } = raw;
    const cut = [left, right].some((event) => event?.payload === notKept);
    const lines =
      left === null || right === null || cut
        ? []
        : diffPayloads(left.payload, right.payload, { lines: diff_lines + 1, characters: diff_value }, this.#redact);
    return {
      ...raw,
      left: left === null ? null : describe(left),
      right: right === null ? null : describe(right),
      diff: lines.slice(0, diff_lines),
      diff_cut: cut || lines.length > diff_lines,
    };
  }
}

function describe({ kind, idempotency_key, payload_hash }: ComparedEvent): SampledEvent {
  return { kind, idempotency_key, payload_hash };
}

/** A sample as text for a person, a few lines. */
export function renderDiff(sample: Sample): string {
  const where = `${sample.result} ${sample.stream_id} ${sample.epoch} ${sample.seq}`;
  const lines = [sample.side === null ? where : `${where} (${sample.side})`];
  for (const side of ['left', 'right'] as const) {
    const event = sample[side];
    lines.push(
      event === null
        ? `  ${side.padEnd(5)} -`
        : `  ${side.padEnd(5)} ${event.kind} ${event.idempotency_key} ${event.payload_hash}`,
    );
  }
  if (sample.fields.length > 0) lines.push(`  differs in ${sample.fields.join(', ')}`);
  if (sample.rule !== null) lines.push(`  excused by rule ${sample.rule}`);
  for (const { path, left, right } of sample.diff) {
    lines.push(`  ${path === '' ? '(whole payload)' : path}`);
    lines.push(`    - ${left ?? '(nothing)'}`, `    + ${right ?? '(nothing)'}`);
  }
  if (sample.diff_cut) lines.push('  (not all of it is shown)');
  return lines.join('\n');
}
