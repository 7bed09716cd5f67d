import type { UnitReport } from './fleet.ts';
import type { Load } from './load.ts';
import type { Publisher } from './publisher.ts';
import type { Crossing, Timeline } from './timeline.ts';
import { fleetStream, type Watch } from './watch.ts';

/** Does a change of lanes under load, and shows that events flowed across it. */
export type Across = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export interface AcrossOptions {
  readonly load: Pick<Load, 'during'>;
  readonly publisher: Pick<Publisher, 'heads'>;
  readonly watch: Pick<Watch, 'look'>;
  readonly timeline: Pick<Timeline, 'now' | 'check' | 'cross'>;
  /** Units of the fleet. */
  readonly units: number;
  readonly until: (what: string, holds: () => Promise<boolean>) => Promise<void>;
}

type Heads = ReadonlyMap<string, bigint>;

/**
 * Counts what is published from a moment before the change begins until it is done, stream by stream, and waits until
 * every unit has it. A change with a stream in which nothing flowed fails its check.
 */
export function createAcross({ load, publisher, watch, timeline, units, until }: AcrossOptions): Across {
  const heads = (): Heads =>
    new Map(
      publisher
        .heads()
        .flatMap(({ stream_id, count }) => (fleetStream(stream_id) ? [[stream_id, count] as const] : [])),
    );
  return async (name, work) => {
    const before = heads();
    const at = timeline.now();
    const { result, after, took } = await load.during(async () => {
      const done = await work();
      return { result: done, after: heads(), took: timeline.now() - at };
    });
    let seen: readonly UnitReport[] = [];
    await until(`every unit has what was published meanwhile: ${name}`, async () => {
      seen = await watch.look();
      return seen.length === units && seen.every((unit) => has(unit, after));
    });
    const crossing = crossingOf(before, after, seen, { name, at, took });
    timeline.cross(crossing);
    const { published, streams, least, applied } = crossing;
    timeline.check(
      `events flowed across: ${name}`,
      least > 0 && applied > 0,
      `${published} in ${took.toFixed(1)} s, at least ${least} in each of ${streams} streams; ${seen.length} units have all of them`,
    );
    return result;
  };
}

function has({ streams }: UnitReport, heads: Heads): boolean {
  return [...heads].every(([streamId, count]) => (streams.get(streamId)?.seq ?? 0n) >= count);
}

/** What was published between two looks at the streams, and what `units` have of it. */
export function crossingOf(
  before: Heads,
  after: Heads,
  units: readonly Pick<UnitReport, 'streams'>[],
  { name, at, took }: { readonly name: string; readonly at: number; readonly took: number },
): Crossing {
  const counts = [...after].map(([streamId, count]) => ({ streamId, from: before.get(streamId) ?? 0n, to: count }));
  const each = counts.map(({ from, to }) => Number(to - from));
  const held = (unit: Pick<UnitReport, 'streams'>) =>
    counts.reduce((sum, { streamId, from, to }) => {
      const seq = unit.streams.get(streamId)?.seq ?? 0n;
      const upTo = seq < to ? seq : to;
      return sum + Number(upTo > from ? upTo - from : 0n);
    }, 0);
  return {
    ...{ name, at, seconds: took, streams: counts.length, units: units.length },
    published: each.reduce((sum, count) => sum + count, 0),
    least: each.length === 0 ? 0 : Math.min(...each),
    applied: units.reduce((sum, unit) => sum + held(unit), 0),
  };
}
