/** A moment of the rehearsal. Seconds since its start. */
export interface Sample {
  readonly at: number;
  readonly stage: number | null;
  readonly percent: number | null;
  readonly published: number;
  readonly applied: number;
  /** Applied events in a second since the sample before; null for the first, and where that is less than a second ago. */
  readonly rate: number | null;
  readonly lag: number | null;
  readonly units: number;
  readonly on_spacetime: number;
}

export type MarkKind = 'flip' | 'cohort' | 'rollback' | 'fault' | 'defect' | 'note';

/** Something that was done or happened. */
export interface Mark {
  readonly at: number;
  readonly kind: MarkKind;
  readonly text: string;
}

/** One check with what was seen. */
export interface Check {
  readonly at: number;
  readonly name: string;
  readonly ok: boolean;
  readonly seen: string;
}

/** A part of the way. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Everything that was seen on the way. */
export interface Timeline {
  readonly samples: readonly Sample[];
  readonly marks: readonly Mark[];
  readonly checks: readonly Check[];
  readonly phases: readonly Phase[];
  /** Seconds since the start. */
  now(): number;
  readonly phase: string;
  begin(phase: string): void;
  /** The last phase ends now. */
  end(): void;
  sample(sample: Omit<Sample, 'at' | 'rate'>): void;
  mark(kind: MarkKind, text: string): void;
  /** Records a check; says whether it held. */
  check(name: string, ok: boolean, seen: string): boolean;
}

/** Seconds between two samples below which there is no rate: it would be of the moment and of nothing else. */
const leastSpan = 1;

/** An empty timeline that begins now. `say` hears of every mark and check. */
export function createTimeline(say: (text: string) => void, clock: () => number = () => performance.now()): Timeline {
  const began = clock();
  const samples: Sample[] = [];
  const marks: Mark[] = [];
  const checks: Check[] = [];
  const phases: { name: string; from: number; to: number }[] = [];
  const now = () => Math.round(clock() - began) / 1000;
  const end = () => {
    const last = phases.at(-1);
    if (last !== undefined) last.to = now();
  };
  return {
    ...{ samples, marks, checks, phases, now },
    get phase() {
      return phases.at(-1)?.name ?? 'start';
    },
    end,
    begin(name) {
      end();
      const at = now();
      phases.push({ name, from: at, to: at });
      say(`== ${name}`);
    },
    sample(sample) {
      const at = now();
      const before = samples.at(-1);
      const rate =
        before === undefined || at - before.at < leastSpan
          ? null
          : (sample.applied - before.applied) / (at - before.at);
      samples.push({ ...sample, at, rate: rate === null ? null : Math.max(0, Math.round(rate)) });
      end();
    },
    mark(kind, text) {
      marks.push({ at: now(), kind, text });
      say(`   ${kind}: ${text}`);
    },
    check(name, ok, seen) {
      checks.push({ at: now(), name, ok, seen });
      say(`   ${ok ? 'ok' : 'FAILED'}: ${name}: ${seen}`);
      return ok;
    },
  };
}
