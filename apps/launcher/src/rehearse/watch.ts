import { readReal, readSimulated, type UnitReport } from './fleet.ts';
import type { Load } from './load.ts';
import { differences, lagOf } from './measure.ts';
import type { Processes } from './processes.ts';
import type { Publisher } from './publisher.ts';
import type { Timeline } from './timeline.ts';

/** The state of the fleet as it was last seen. */
export interface Watch {
  /** Looks at every unit now; those of processes that do not answer are left out. */
  look(): Promise<readonly UnitReport[]>;
  /** Looks now and puts what is seen on the timeline, as it does by itself every two seconds. */
  note(): Promise<void>;
  readonly lag: number | null;
  /** The same, with what the slower lane of each unit is behind; null also when one of these is not known. */
  readonly behind: number | null;
  readonly units: readonly UnitReport[];
  /** Differences that were ever seen in units of the fleet; empty while all chains held. */
  readonly differences: readonly string[];
  close(): Promise<void>;
}

export interface WatchOptions {
  readonly processes: Processes;
  readonly publisher: Publisher;
  readonly timeline: Timeline;
  readonly load: () => Load | undefined;
  readonly place: () => Promise<{ readonly stage: number; readonly percent: number } | null>;
  readonly say: (text: string) => void;
}

/** Units whose name says that their streams were tampered with on purpose. */
const isCanary = ({ unit }: Pick<UnitReport, 'unit'>): boolean => unit.startsWith('canary-');

/** Streams of the fleet; those of the seeded defects are not among them. */
export const fleetStream = (streamId: string): boolean => streamId.startsWith('runtime.run.');

const everyMs = 2_000;

/** Looks every two seconds and tells. */
export function startWatch(options: WatchOptions): Watch {
  const { processes, publisher, timeline, load, place, say } = options;
  let units: readonly UnitReport[] = [];
  let lag: number | null = null;
  /** As each unit last said: one that is being started again has not lost what it had. */
  const appliedOf = new Map<string, number>();
  const seen = new Set<string>();
  let closed = false;

  async function look(): Promise<readonly UnitReport[]> {
    const answers = await Promise.allSettled([
      ...processes.simulated().map(readSimulated),
      ...processes.real().map(async (url) => [await readReal(url)]),
    ]);
    units = answers
      .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      .filter((unit) => !isCanary(unit));
    const heads = publisher.heads().filter(({ stream_id }) => fleetStream(stream_id));
    lag = lagOf(heads, units);
    for (const { unit, applied } of units) appliedOf.set(unit, applied);
    for (const fault of differences(publisher, units)) {
      if (!seen.has(fault)) timeline.check('every unit has what was published, at any moment', false, fault);
      seen.add(fault);
    }
    return units;
  }

  async function turn(): Promise<void> {
    await look();
    const where = await place().catch(() => null);
    const applied = [...appliedOf.values()].reduce((sum, count) => sum + count, 0);
    const published = load()?.published ?? 0;
    const on_spacetime = units.filter((unit) => unit.lane === 'spacetime').length;
    const stage = where?.stage ?? null;
    const percent = where?.percent ?? null;
    timeline.sample({ stage, percent, published, applied, lag, units: units.length, on_spacetime });
    const { rate, at } = timeline.samples.at(-1) ?? { rate: null, at: 0 };
    const place_ = stage === null ? 'stage ?' : stage === 1 ? `stage 1, ${percent} %` : `stage ${stage}`;
    const speed = rate === null ? '' : ` (${rate}/s)`;
    say(
      `${at.toFixed(0).padStart(4)} s  ${place_}  ${published} published  ${applied} applied${speed}  ` +
        `lag ${lag ?? '?'}  ${on_spacetime}/${units.length} on spacetime  ${timeline.phase}`,
    );
  }

  async function run(): Promise<void> {
    while (!closed) {
      await turn().catch((error: unknown) => say(`   the fleet could not be looked at: ${String(error)}`));
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
  const running = run();
  return {
    look,
    note: turn,
    get lag() {
      return lag;
    },
    get behind() {
      const lanes = units.map((unit) => unit.behind);
      return lag === null || lanes.includes(null) ? null : Math.max(lag, ...lanes.map(Number));
    },
    get units() {
      return units;
    },
    get differences() {
      return [...seen];
    },
    async close() {
      closed = true;
      await running;
    },
  };
}
