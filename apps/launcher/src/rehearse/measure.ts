import type { StreamSide } from '../verify.ts';
import type { UnitReport } from './fleet.ts';

/** What the publisher knows of its own streams. */
export interface Published {
  heads(): readonly StreamSide[];
  chainAt(streamId: string, seq: bigint): string | undefined;
}

/** What of the units is not what was published, as far as each unit is: one sentence per fault. */
export function differences(published: Published, units: readonly UnitReport[]): readonly string[] {
  const faults: string[] = [];
  for (const { unit, streams } of units) {
    for (const [streamId, { seq, chain }] of streams) {
      const own = published.chainAt(streamId, seq);
      if (own === undefined)
        faults.push(`${unit}: ${streamId} has ${seq} events, more than were published (repeated).`);
      else if (own !== chain) faults.push(`${unit}: ${streamId} differs from what was published, by chain, at ${seq}.`);
    }
  }
  return faults;
}

/** How many events of `heads` the slowest unit does not have; null when there is no unit. */
export function lagOf(heads: readonly StreamSide[], units: readonly UnitReport[]): number | null {
  if (units.length === 0) return null;
  const behind = ({ streams }: UnitReport) =>
    heads.reduce((sum, { stream_id, count }) => {
      const has = streams.get(stream_id)?.seq ?? 0n;
      return has < count ? sum + Number(count - has) : sum;
    }, 0);
  return Math.max(...units.map(behind));
}

/** The final comparison, stream by stream, of publisher, host and every unit. */
export interface Measurement {
  readonly units: number;
  readonly streams: number;
  readonly published: number;
  /** Sum over units and streams of the sequence that the chain stands for. */
  readonly applied: number;
  readonly lost: number;
  readonly repeated: number;
  /** Streams of units, and of the host, whose chain is not the publisher's. */
  readonly unequal_chains: number;
  /** One sentence for each fault; empty when all held. */
  readonly faults: readonly string[];
}

/** Compares at the end. `expected`: the units that have to answer. A unit or stream that is not there has lost all. */
export function measure(
  heads: readonly StreamSide[],
  host: readonly StreamSide[],
  units: readonly UnitReport[],
  expected: readonly string[],
): Measurement {
  const faults: string[] = [];
  const total = { applied: 0, lost: 0, repeated: 0, unequal: 0 };
  const published = heads.reduce((sum, { count }) => sum + Number(count), 0);
  if (published === 0) faults.push('Nothing was published, so nothing is measured.');
  const look = (who: string, streamId: string, wanted: StreamSide, count: bigint, chain: string) => {
    if (count < wanted.count) {
      total.lost += Number(wanted.count - count);
      faults.push(`${who}: ${streamId} has ${count} of ${wanted.count} events.`);
    } else if (count > wanted.count) {
      total.repeated += Number(count - wanted.count);
      faults.push(`${who}: ${streamId} has ${count} events of ${wanted.count} that were published.`);
    }
    if (chain === wanted.chain) return;
    total.unequal += 1;
    if (count === wanted.count) faults.push(`${who}: ${streamId} has the chain of other events.`);
  };
  const hosted = new Map(host.map((side) => [side.stream_id, side]));
  for (const head of heads) {
    const side = hosted.get(head.stream_id);
    look('host', head.stream_id, head, side?.count ?? 0n, side?.chain ?? '');
  }
  const answered = new Map(units.map((unit) => [unit.unit, unit]));
  for (const name of expected) {
    const unit = answered.get(name);
    if (unit === undefined) {
      faults.push(`${name} does not answer.`);
      total.lost += published;
      continue;
    }
    let held = 0;
    for (const head of heads) {
      const side = unit.streams.get(head.stream_id);
      held += Number(side?.seq ?? 0n);
      look(name, head.stream_id, head, side?.seq ?? 0n, side?.chain ?? '');
    }
    total.applied += held;
    if (unit.applied !== held) {
      total.repeated += Math.max(0, unit.applied - held);
      faults.push(`${name} counted ${unit.applied} applied events, its chains stand for ${held}.`);
    }
    if (unit.conflicts > 0) faults.push(`${name} set ${unit.conflicts} events aside.`);
    if (unit.resets > 0) faults.push(`${name} began ${unit.resets} streams anew.`);
  }
  if (expected.length === 0) faults.push('There is no unit, so nothing is measured.');
  const { applied, lost, repeated, unequal } = total;
  const counts = { units: expected.length, streams: heads.length, published, applied, lost, repeated };
  return { ...counts, unequal_chains: unequal, faults };
}
