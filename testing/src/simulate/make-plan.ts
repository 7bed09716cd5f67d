import { segmentLength } from '../../../packages/session/src/module/public-rows.ts';
import { Chance, seedFor } from './chance.ts';
import { drawFault, faultKinds } from './draw-fault.ts';
import type { FaultKind, Plan, PlannedStream, Settings, Step, Work } from './plan.ts';

/** The plan of a seed. */
export function makePlan(seed: number): Plan {
  const chance = new Chance(seedFor(seed, 'plan'));
  const lengthMs = chance.whole(5_000, 40_000);
  const settings = drawSettings(chance);
  const ids = settings.streams.map(({ id }) => id) as [string, ...string[]];
  const steps: Step[] = [];
  const at = () => chance.whole(0, lengthMs);
  for (let left = chance.whole(5, 25); left > 0; left -= 1) steps.push({ ...drawWork(chance, ids), at: at() });
  // A few kinds in each run: with all of them in every run, the loudest ones would hide what the others do.
  const kinds = drawKinds(chance);
  for (let left = chance.whole(1, 12); left > 0; left -= 1) {
    steps.push({ ...drawFault(chance.pick(kinds), chance, ids, settings), at: at() });
  }
  // By time; of equal times in the order of drawing, as a stable sort leaves them.
  steps.sort((one, other) => one.at - other.at);
  return { seed, lengthMs, settings, steps };
}

function drawKinds(chance: Chance): [FaultKind, ...FaultKind[]] {
  const kinds: [FaultKind, ...FaultKind[]] = [chance.pick(faultKinds)];
  for (let left = chance.whole(0, 5); left > 0; left -= 1) kinds.push(chance.pick(faultKinds));
  return kinds;
}

function drawSettings(chance: Chance): Settings {
  const count = chance.whole(1, 3);
  const streams: PlannedStream[] = [];
  for (let index = 0; index < count; index += 1) {
    streams.push(drawStream(chance, `s${index + 1}`));
  }
  const watchdogMs = chance.whole(6_000, 20_000);
  return {
    streams,
    synchronous: chance.maybe(0.5) ? 'NORMAL' : 'FULL',
    pageSize: chance.pick([1, 3, 7, 20, 100]),
    liveBuffer: chance.pick([1, 4, 16, 256]),
    maxPagesInFlight: chance.pick([1, 2, 4]),
    reorderLimit: chance.pick([1, 3, 256]),
    headPollMs: chance.whole(1_000, 6_000),
    watchdogMs,
    requestTimeoutMs: chance.whole(3_000, 10_000),
    leaseMs: chance.whole(8_000, 60_000),
    tokenLifeMs: chance.pick([8_000, 20_000, 60_000, 600_000]),
    latencyMs: chance.pick([1, 5, 40, 200]),
    pageDelayMs: chance.pick([0, 20, 150]),
  };
}

function drawStream(chance: Chance, id: string): PlannedStream {
  const fanout = chance.pick(['inbox', 'inbox', 'doorbell', 'public'] as const);
  if (fanout === 'public' && chance.maybe(0.5)) {
    // Its rows are read a segment at a time: the next events begin another one.
    const end = Number(segmentLength);
    return { id, fanout, backlog: chance.whole(end - 10, end + 2), firstKept: chance.whole(end - 30, end - 10) };
  }
  const backlog = chance.maybe(0.5) ? 0 : chance.whole(1, 40);
  const firstKept = backlog > 0 && chance.maybe(0.15) ? chance.whole(1, backlog + 1) : 1;
  return { id, fanout, backlog, firstKept };
}

function drawWork(chance: Chance, ids: readonly [string, ...string[]]): Work {
  const stream = chance.pick(ids);
  const drawn = chance.next();
  if (drawn < 0.8) {
    return { do: 'append', stream, count: chance.whole(1, 6), apart: chance.maybe(0.6), large: chance.maybe(0.15) };
  }
  if (drawn < 0.87) return { do: 'call', stream };
  if (drawn < 0.92) return { do: 'unfollow', stream };
  if (drawn < 0.97) return { do: 'follow', stream };
  return { do: 'retry-now' };
}
