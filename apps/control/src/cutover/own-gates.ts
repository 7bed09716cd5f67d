import { createReceipt, type GateObservation, type Verdict, type VerifiedReceipt } from '@autopilot/cutover-flags';
import {
  type ComparisonPair,
  differencesOf,
  noiseOf,
  overNoise,
  type ParityTotals,
  parityMeasures,
} from '@autopilot/cutover-flags/parity';
import { ControlError } from '../errors.ts';
import { storedNow } from '../store/stored-time.ts';
import type { Clock } from '@autopilot/sync-contract';
import type { Cutover } from './cutover.ts';
import type { CutoverClock } from './cutover-clock.ts';
import type { Drills, StoredDrill } from './drills.ts';
import type { OwnGate, OwnGateKey } from './gate-keys.ts';
import { ranOf } from './held-window.ts';
import type { ParityInUse, ParityReport, ParityStore } from './parity-store.ts';
import type { ReceiptStore } from './receipt-store.ts';

/** What the gates look at. */
export interface OwnGatesOptions {
  readonly cutover: Cutover;
  readonly parity: ParityStore;
  readonly drills: Drills;
  readonly receipts: ReceiptStore;
  readonly key: OwnGateKey;
  readonly clock: CutoverClock;
  readonly wall: Clock;
  /** How far back windows are looked at, milliseconds of the cutover clock. */
  readonly lookBack: number;
  /** Since when the module has a schema, by the machine's clock. */
  readonly moduleSince: (schema: string | null) => Promise<number>;
}

/** Runs the gates that control runs itself. */
export interface OwnGates {
  /** Looks, signs what was seen, and keeps the receipt. */
  evaluate(gate: OwnGate, by: string): Promise<{ receipt: VerifiedReceipt; duplicate: boolean }>;
}

/** What a gate makes of what it saw. */
type Seen = Pick<GateObservation, 'verdict' | 'reason' | 'observed_from' | 'observed_to' | 'counts' | 'measures'>;

/** The gates over what units have reported. */
export function createOwnGates(options: OwnGatesOptions): OwnGates {
  const { cutover, parity, drills, receipts, key, clock, wall } = options;

  /** Only of what is in use: of packages that a live unit runs, on the module that is there now. */
  function seen(pair: ComparisonPair, inUse: ParityInUse): Promise<ParityReport> {
    return parity.report(pair, clock.toWall(clock.now() - options.lookBack), inUse);
  }

  async function nulls(inUse: ParityInUse): Promise<readonly ParityTotals[]> {
    const reports = [await seen('khala/khala', inUse), await seen('spacetime/spacetime', inUse)];
    return reports.flatMap(({ totals }) => totals ?? []);
  }

  const looks: Record<OwnGate, (inUse: ParityInUse) => Promise<Seen>> = {
    async parity(inUse) {
      const setAside = (await cutover.liveUnits()).filter(({ heartbeat }) => heartbeat.conflicts > 0);
      const units = setAside.map(({ unit }) => unit);
      return seenOfParity(await seen('khala/spacetime', inUse), await nulls(inUse), clock, units);
    },
    'parity-null': async (inUse) => seenOfNull(await nulls(inUse), clock),
    async 'rollback-drill'({ ran, moduleSince }) {
      const last = await drills.last();
      if (last === undefined) return seenOfDrill(last);
      const same = last.drill.units.every((unit) => unit.ran !== null && ran.has(unit.ran));
      if (same && clock.toWall(last.began_at) >= moduleSince) return seenOfDrill(last);
      return nothing('The last drill was of other versions or of another module than those in use.');
    },
  };

  return {
    async evaluate(gate, by) {
      const { packages, commit, module_schema, facts } = await cutover.evidence();
      if (Object.keys(packages).length === 0) {
        throw new ControlError(
          'invalid_request',
          'No live unit has said which packages it runs: a receipt names them.',
        );
      }
      const ran = new Set<string | null>((await cutover.liveUnits()).map(({ heartbeat }) => ranOf(heartbeat.packages)));
      const looked = await looks[gate]({ ran, moduleSince: await options.moduleSince(module_schema) });
      const fleet = await cutover.fleet();
      const protocols = [...new Set([...(facts.binding?.protocols ?? []), ...fleet.protocols])];
      const observation: GateObservation = {
        gate,
        ...looked,
        // A receipt carries finite numbers only; what is not known is left out, and then nothing can rest on it.
        measures: finite({ ...looked.measures, clock_rate: clock.rate }),
        environment: { packages, commit, module_schema, protocols },
      };
      return receipts.submit(createReceipt(observation, key.signing), by, storedNow(wall));
    },
  };
}

/**
 * What the comparison of the lanes says, held against the noise of a lane compared with itself. A unit that has set an
 * event aside no longer reads that stream, so its comparison has ended where the lanes differ: `setAside` names them.
 */
export function seenOfParity(
  { totals, covered }: Pick<ParityReport, 'totals' | 'covered'>,
  nulls: readonly ParityTotals[],
  clock: CutoverClock,
  setAside: readonly string[] = [],
): Seen {
  if (totals === undefined) return nothing('No unit has compared the lanes.');
  const measures = parityMeasures(totals);
  const failed = differencesOf(totals);
  const noise = noiseOf(nulls);
  const judged =
    nulls.length === 0
      ? {
          verdict: failed > 0 ? ('fail' as const) : ('inconclusive' as const),
          reason: 'No A/A run measured the noise.',
        }
      : overNoise(totals, noise);
  const verdict: Verdict = totals.unequal_chains > 0 || setAside.length > 0 ? 'fail' : judged.verdict;
  const names = setAside.slice(0, 5).join(', ');
  return {
    verdict,
    reason: setAside.length > 0 ? `${setAside.length} units have set events aside: ${names}.` : judged.reason,
    ...timesOf(totals, clock),
    counts: {
      cases: totals.windows,
      failed: verdict === 'fail' ? Math.max(1, failed) : 0,
      skipped: 0,
      // What a rule excused was not found equal.
      events: measures.match_denominator,
    },
    measures: {
      ...measures,
      differences: failed,
      noise_rate: noise.rate,
      units_set_aside: setAside.length,
      // Like the times of the observation, by the cutover clock.
      covered_ms: covered * clock.rate,
    },
  };
}

/** What a lane compared with itself differs in: anything but nothing is noise to be understood, and is measured. */
export function seenOfNull(nulls: readonly ParityTotals[], clock: CutoverClock): Seen {
  if (nulls.length === 0) return nothing('No unit has compared a lane with itself.');
  const noise = noiseOf(nulls);
  const sum = (value: (one: ParityTotals) => number) => nulls.reduce((all, one) => all + value(one), 0);
  const from = Math.min(...nulls.map((each) => each.from));
  const to = Math.max(...nulls.map((each) => each.to));
  const enough = noise.positions >= leastPositions;
  return {
    verdict: enough && Number.isFinite(noise.rate) ? 'pass' : 'inconclusive',
    reason: enough
      ? `${noise.differences} differences in ${noise.positions} positions of a lane against itself.`
      : `${noise.positions} positions were compared; ${leastPositions} are needed.`,
    ...timesOf({ from, to }, clock),
    counts: { cases: noise.windows, failed: 0, skipped: 0, events: sum((each) => each.positions) },
    measures: {
      noise_rate: noise.rate,
      noise_spread: noise.spread,
      differences: noise.differences,
      unequal_chains: sum((each) => each.unequal_chains),
    },
  };
}

/** What was seen of the last rollback and the return from it. */
export function seenOfDrill(stored: StoredDrill | undefined): Seen {
  if (stored === undefined || stored.ended_at === null) {
    return nothing('No rollback with a return has been observed to its end.');
  }
  const { drill, began_at, ended_at } = stored;
  const { seen, units } = drill;
  const times = { observed_from: began_at, observed_to: ended_at };
  if (seen === null) {
    const counts = { cases: 0, failed: 0, skipped: 0, events: 0 };
    return { verdict: 'inconclusive', reason: drill.failed ?? 'It was not completed.', ...times, counts, measures: {} };
  }
  const bad = seen.lost + seen.repeated + seen.different;
  const enough = seen.compared >= units.length && seen.events > 0 && seen.restarted === 0;
  return {
    verdict: bad > 0 ? 'fail' : enough ? 'pass' : 'inconclusive',
    reason: `${units.length} units went back and returned: ${seen.lost} lost, ${seen.repeated} repeated, ${seen.different} unequal chains, ${seen.events} events, ${seen.restarted} restarted.`,
    ...times,
    counts: { cases: units.length, failed: bad > 0 ? 1 : 0, skipped: 0, events: seen.events },
    measures: {
      lost: seen.lost,
      repeated: seen.repeated,
      unequal_chains: seen.different,
      units: units.length,
      cohort_percent: drill.from_percent,
    },
  };
}

/** Fewer positions say nothing. */
const leastPositions = 50;

/** At no time: what is observed after all is then newer, and not hidden by this. */
function nothing(reason: string): Seen {
  const counts = { cases: 0, failed: 0, skipped: 0, events: 0 };
  return { verdict: 'inconclusive', reason, observed_from: 0, observed_to: 0, counts, measures: {} };
}

function timesOf({ from, to }: { readonly from: number; readonly to: number }, clock: CutoverClock) {
  return { observed_from: clock.fromWall(from), observed_to: Math.min(clock.fromWall(to), clock.now()) };
}

function finite(measures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(measures).filter(([, value]) => Number.isFinite(value)));
}
