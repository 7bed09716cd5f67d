// How late events are with a bridge and without. The two alternate every half second, because the speed of a machine
// changes within seconds: without the bridge its process is stopped (SIGSTOP), and has no processor at all.
import { childrenOf } from '../../../packages/nostr-bridge/test/support/children.ts';
import { systemPorts as ports } from '../../../packages/sync-contract/src/system-ports.ts';
import { waitFor } from '../wait-for.ts';
import { startBeside, type Surroundings } from './beside.ts';
import type { BridgeCounts, IsolationTimes } from './report.ts';

/** Events in a row with the bridge running, and as many with it stopped: so many that nothing of the lane keeps time with it. */
const [fewest, most] = [150, 350];
/** Pairs of them for one start of a bridge, which is part of the first. */
const pairs = 48;
/** Events after a bridge was stopped or ended that count for neither. */
const settling = 10;

/** Milliseconds of each event, slice by slice. */
interface Round {
  readonly on: (readonly number[])[];
  readonly off: (readonly number[])[];
}

/** Measures so many rounds, and as many again for as long as the ratio is above the limit, up to `stages` times in all. */
export async function measure(
  scenario: string,
  around: Surroundings,
  counts: BridgeCounts,
  { rounds, limit, stages }: { readonly rounds: number; readonly limit: number; readonly stages: number },
): Promise<IsolationTimes> {
  const done: Round[] = [];
  // Warm, so that the first events are like the others.
  await publish(around, 3_000);
  for (let stage = 1; ; stage += 1) {
    for (let round = 0; round < rounds; round += 1) done.push(await measureRound(scenario, around, counts));
    const times = timesOf(done);
    if (times.p99_ratio <= limit || stage >= stages) return times;
  }
}

async function measureRound(scenario: string, around: Surroundings, counts: BridgeCounts): Promise<Round> {
  const round: Round = { on: [], off: [] };
  const before = childrenOf(process.pid);
  const bridge = startBeside(scenario, around);
  const [pid, ...others] = childrenOf(process.pid).filter((one) => !before.includes(one));
  if (pid === undefined || others.length > 0) throw new Error('The process of the bridge was not found.');
  const withBridge = async (events: number) => {
    process.kill(pid, 'SIGCONT');
    round.on.push(await publish(around, events));
  };
  const without = async (events: number) => {
    process.kill(pid, 'SIGSTOP');
    await publish(around, settling);
    round.off.push(await publish(around, events));
  };
  for (let pair = 0; pair < pairs; pair += 1) {
    const events = Math.round(fewest + (most - fewest) * ports.random.next());
    const both = pair === 0 || ports.random.next() < 0.5 ? [withBridge, without] : [without, withBridge];
    for (const one of both) await one(events);
  }
  process.kill(pid, 'SIGCONT');
  await waitFor(() => bridge.isAtWork, { timeoutMs: 60_000, describe: 'a bridge at work' });
  await bridge.end(counts);
  await publish(around, settling);
  return round;
}

async function publish({ lane }: Surroundings, events: number): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let n = 0; n < events; n += 1) {
    milliseconds.push(await lane.publish());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return milliseconds;
}

function timesOf(done: readonly Round[]): IsolationTimes {
  // All events of a kind together: a burst of something else is then a few of many.
  const [on, off] = [done.flatMap((round) => round.on), done.flatMap((round) => round.off)];
  const [on_ms, off_ms] = [p99(on), p99(off)];
  const half = (odd: number) => off.filter((_, n) => n % 2 === odd);
  const late = (some: readonly (readonly number[])[]) => {
    const all = some.flat();
    return all.filter((milliseconds) => milliseconds > off_ms).length / all.length;
  };
  return {
    rounds: done.length,
    events: on.flat().length + off.flat().length,
    p99_ratio: on_ms / off_ms,
    null_p99_ratio: p99(half(0)) / p99(half(1)),
    late_at_start: late(done.flatMap((round) => round.on.slice(0, 1))),
    late_later: late(done.flatMap((round) => round.on.slice(pairs / 2))),
    off_ms,
    on_ms,
  };
}

function p99(some: readonly (readonly number[])[]): number {
  const sorted = some.flat().sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}
