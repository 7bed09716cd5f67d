/** A moment of the rehearsal. Seconds since its start. */
export interface Sample {
  readonly at: number;
  readonly stage: number | null;
  readonly percent: number | null;
  readonly published: number;
  readonly applied: number;
  /** Applied events in a second since the last sample that is a second old or more; null where there is none. */
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

/** A part of the way. Events are those between the samples at its beginning and at its end. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** The stage at its beginning and at its end, as `0` or `0 to 1`; null when it was not known. */
  readonly stage: string | null;
  /** To the streams of the fleet. */
  readonly published: number;
  /** By all units of the fleet together. */
  readonly applied: number;
}

/** A change of lanes or of the stage, and what flowed from just before it began until it was done. */
export interface Crossing {
  readonly name: string;
  readonly at: number;
  readonly seconds: number;
  readonly published: number;
  readonly streams: number;
  /** Events in the stream that had the fewest. */
  readonly least: number;
  readonly units: number;
  /** What the units together have of it. */
  readonly applied: number;
}

/** Everything that was seen on the way. */
export interface Timeline {
  readonly samples: readonly Sample[];
  readonly marks: readonly Mark[];
  readonly checks: readonly Check[];
  readonly phases: readonly Phase[];
  readonly crossings: readonly Crossing[];
  /** Seconds since the start. */
  now(): number;
  readonly phase: string;
  begin(phase: string): void;
  /** The last phase ends now. */
  end(): void;
  cross(crossing: Crossing): void;
  sample(sample: Omit<Sample, 'at' | 'rate'>): void;
  mark(kind: MarkKind, text: string): void;
  /** Records a check; says whether it held. */
  check(name: string, ok: boolean, seen: string): boolean;
}

type Totals = Pick<Sample, 'published' | 'applied'> & { readonly stage: number | null | undefined };

/** `from` is undefined before anything was seen. */
function between(from: number | null | undefined, to: number | null | undefined): string | null {
  if (from === null || to === null || to === undefined) return null;
  return from === undefined || from === to ? `${to}` : `${from} to ${to}`;
}

/** Seconds that a rate is of at least: one of less would be of the moment and of nothing else. */
const leastSpan = 1;

/** An empty timeline that begins now. `say` hears of every mark and check. */
export function createTimeline(say: (text: string) => void, clock: () => number = () => performance.now()): Timeline {
  const began = clock();
  const samples: Sample[] = [];
  const marks: Mark[] = [];
  const checks: Check[] = [];
  const crossings: Crossing[] = [];
  const phases: (Phase & { readonly first: Totals })[] = [];
  const now = () => Math.round(clock() - began) / 1000;
  const totals = (): Totals => {
    const { stage, published, applied } = samples.at(-1) ?? { stage: undefined, published: 0, applied: 0 };
    return { stage, published, applied };
  };
  const end = () => {
    const last = phases.pop();
    if (last === undefined) return;
    const { first } = last;
    const { stage, published, applied } = totals();
    phases.push({
      ...{ ...last, to: now(), stage: between(first.stage, stage) },
      ...{ published: published - first.published, applied: applied - first.applied },
    });
  };
  return {
    ...{ samples, marks, checks, crossings, now },
    get phases() {
      return phases.map(({ first: _first, ...phase }) => phase);
    },
    get phase() {
      return phases.at(-1)?.name ?? 'start';
    },
    end,
    begin(name) {
      end();
      const at = now();
      const first = totals();
      phases.push({
        name,
        from: at,
        to: at,
        stage: between(first.stage, first.stage),
        published: 0,
        applied: 0,
        first,
      });
      say(`== ${name}`);
    },
    sample(sample) {
      const at = now();
      const before = samples.findLast((each) => at - each.at >= leastSpan);
      const rate = before === undefined ? null : (sample.applied - before.applied) / (at - before.at);
      samples.push({ ...sample, at, rate: rate === null ? null : Math.max(0, Math.round(rate)) });
      end();
    },
    cross: (crossing) => void crossings.push(crossing),
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
