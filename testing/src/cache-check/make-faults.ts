import { type FaultKind, type FaultMark, faultKinds } from './faults.ts';
import { pause } from './pause.ts';
import { type SeededRandom, seededRandom } from './random.ts';
import type { OwnServer } from './server.ts';
import { breakServer, breakSubscriber } from './strike.ts';
import type { Subscriber } from './subscriber.ts';

/** What was done. */
export interface FaultRun {
  readonly marks: readonly FaultMark[];
  /** Faults that had nothing to strike, or no effect, by kind. */
  readonly skipped: Readonly<Partial<Record<FaultKind, number>>>;
}

export interface FaultPlan {
  readonly kinds: readonly FaultKind[];
  readonly subscribers: readonly Subscriber[];
  readonly server: OwnServer | undefined;
  readonly seconds: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Subscribers that share one lane of faults. */
const perLane = 4;
/** How long a fault waits for the traffic that it is to meet. */
const flowWithinMs = 8000;

/**
 * Makes faults for the given time, and longer while a kind has not had its turn yet, at most three times as long and half
 * a minute. Faults of the server and of each few subscribers run beside each other, so that they meet. A fault strikes
 * only what has gone on since the last one. Everything is as before when this returns.
 */
export async function makeFaults(plan: FaultPlan): Promise<FaultRun> {
  const { kinds, subscribers, server, seconds, seed, signal } = plan;
  const marks: FaultMark[] = [];
  const skipped: Partial<Record<FaultKind, number>> = {};
  const started = performance.now();
  const isOver = () => {
    const elapsed = performance.now() - started;
    if (signal.aborted || elapsed > seconds * 3000 + 30_000) return true;
    const waiting = kinds.some((kind) => !marks.some((mark) => mark.kind === kind));
    return elapsed > seconds * 1000 && !waiting;
  };
  const lane = async (side: 'subscriber' | 'server', number: number, targets: readonly Subscriber[]) => {
    const own = kinds.filter((kind) => faultKinds[kind].side === side);
    const random = seededRandom(seed * 7919 + number);
    const healed = new Map<Subscriber, number | undefined>();
    let turn: FaultKind[] = [];
    while (own.length > 0 && !isOver()) {
      if (turn.length === 0) turn = random.shuffled(own);
      const kind = turn.shift() as FaultKind;
      await pause(random.between(side === 'server' ? 800 : 100, side === 'server' ? 3000 : 400), signal);
      const struck =
        side === 'server'
          ? (await flowing(targets, healed, Math.ceil(targets.length / 2), isOver)) && server !== undefined
            ? await timed(() => breakServer(server, kind, random, signal))
            : undefined
          : await strikeOne(kind, random, targets, healed);
      if (struck === undefined) skipped[kind] = (skipped[kind] ?? 0) + 1;
      else marks.push({ kind, ...struck });
      if (side === 'server') for (const each of targets) healed.set(each, each.position());
    }
  };
  const strikeOne = async (
    kind: FaultKind,
    random: SeededRandom,
    targets: readonly Subscriber[],
    healed: Map<Subscriber, number | undefined>,
  ) => {
    const order = random.shuffled(targets);
    if (!(await flowing(order, healed, 1, isOver))) return undefined;
    const target = order.find((each) => hasMoved(each, healed));
    if (target === undefined) return undefined;
    const struck = await timed(() => breakSubscriber(target, kind, random, signal));
    healed.set(target, target.position());
    return struck === undefined ? undefined : { ...struck, subscriber: target.number };
  };
  const lanes = [lane('server', 0, subscribers)];
  for (let first = 0; first < subscribers.length; first += perLane) {
    lanes.push(lane('subscriber', lanes.length, subscribers.slice(first, first + perLane)));
  }
  await Promise.all(lanes);
  marks.sort((one, other) => one.from - other.from);
  return { marks, skipped };
}

async function timed(strike: () => Promise<boolean>): Promise<Omit<FaultMark, 'kind'> | undefined> {
  const from = Date.now();
  return (await strike()) ? { subscriber: undefined, from, to: Date.now() } : undefined;
}

function hasMoved(subscriber: Subscriber, healed: ReadonlyMap<Subscriber, number | undefined>): boolean {
  const position = subscriber.position();
  return position !== undefined && position !== healed.get(subscriber);
}

/** Waits until so many of them have shown something new. False when they do not. */
async function flowing(
  subscribers: readonly Subscriber[],
  healed: ReadonlyMap<Subscriber, number | undefined>,
  wanted: number,
  isOver: () => boolean,
): Promise<boolean> {
  const deadline = performance.now() + flowWithinMs;
  while (performance.now() < deadline && !isOver()) {
    if (subscribers.filter((each) => hasMoved(each, healed)).length >= wanted) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
