import { type DesktopState, readDesktopState } from './desktop-state.ts';
import { LaunchError } from './errors.ts';
import { readAppended } from './host-streams.ts';
import type { RunningLane } from './start-lane.ts';
import { type Verdict, verify } from './verify.ts';

/** The one line that `--once` prints: everything that its data folder has ever published, normally this one run. */
export interface OnceReport {
  readonly published: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly gaps: number;
  /** One hash over every published stream, the same for publisher, host and desktop. */
  readonly chain: string;
  /** Commit to applied, for events that arrived live; null when none did. */
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
}

const pollMs = 100;
/** A moment of quiet after everything has arrived, in which a repeated event would still show itself. */
const settleMs = 500;

/**
 * Waits until the whole feed is published and applied, and compares publisher, host and desktop stream by stream.
 *
 * @throws {LaunchError} `no_progress` or `verification_failed`, with what was lost, repeated or out of order.
 */
export async function runOnce(
  lane: RunningLane,
  patienceMs: number,
  progress: (text: string) => void,
): Promise<OnceReport> {
  let state = await readDesktopState(lane.desktopUrl);
  let lastMark = '';
  let lastMove = performance.now();
  while (!complete(state)) {
    const mark = describe(state);
    if (mark !== lastMark) {
      lastMark = mark;
      lastMove = performance.now();
      progress(mark);
    } else if (performance.now() - lastMove > patienceMs) {
      const missing = (await findFaults(lane, state)).faults;
      const text = [`Nothing moved for ${patienceMs / 1000} s: ${mark}.`, ...missing].join('\n');
      throw new LaunchError('no_progress', text, { details: { faults: missing } });
    }
    await sleep(pollMs);
    // A desktop that does not answer makes no progress; one that has ended is reported by the lane.
    state = await readDesktopState(lane.desktopUrl).catch(() => state);
  }
  await sleep(settleMs);
  state = await readDesktopState(lane.desktopUrl);
  const { verdict, faults } = await findFaults(lane, state);
  if (faults.length > 0) throw new LaunchError('verification_failed', faults.join('\n'), { details: { faults } });
  return {
    published: Number(verdict.published),
    applied: Number(verdict.applied),
    duplicates: state.totals.duplicates,
    gaps: state.totals.gaps,
    chain: verdict.chain,
    p50_ms: state.latency.p50_ms,
    p99_ms: state.latency.p99_ms,
  };
}

async function findFaults(lane: RunningLane, state: DesktopState): Promise<{ verdict: Verdict; faults: string[] }> {
  const verdict = verify({
    published: state.feed?.chains ?? [],
    applied: state.streams.map(({ stream_id, seq, chain }) => ({ stream_id, count: seq, chain })),
    appended: await readAppended(lane),
  });
  return { verdict, faults: [...verdict.faults, ...ownFaults(state)] };
}

/** What the desktop itself counted must agree with what its streams show. */
function ownFaults(state: DesktopState): string[] {
  const faults: string[] = [];
  const counted = BigInt(state.totals.applied + state.totals.stored);
  const held = state.streams.reduce((total, { seq }) => total + seq, 0n);
  if (counted !== held) faults.push(`The desktop counted ${counted} applied events, its streams hold ${held}.`);
  if (state.totals.conflicts > 0) faults.push(`The desktop set ${state.totals.conflicts} conflicting events aside.`);
  if ((state.feed?.dead ?? 0) > 0) faults.push(`Control refused ${state.feed?.dead} events for good.`);
  return faults;
}

function complete(state: DesktopState): boolean {
  const { feed } = state;
  if (feed === null || feed.state !== 'done' || feed.pending > 0) return false;
  const applied = new Map(state.streams.map((stream) => [stream.stream_id, stream.seq]));
  return feed.chains.every((stream) => (applied.get(stream.stream_id) ?? 0n) >= stream.count);
}

function describe(state: DesktopState): string {
  const { feed, totals, connection } = state;
  const last = feed?.last_error === null || feed?.last_error === undefined ? '' : `, last error: ${feed.last_error}`;
  return `${feed?.published ?? 0} published, ${feed?.pending ?? 0} waiting, ${totals.applied} applied (${connection.state})${last}`;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
