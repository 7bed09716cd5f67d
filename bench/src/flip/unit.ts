import { type CutoverPolicy, type Decision, decide, unitOf } from '@autopilot/cutover-flags';
import type { Exchange } from './exchange.ts';

/** What all units of a fleet have in common. */
export interface UnitWorld {
  readonly exchange: Exchange;
  /** For questions that control lets wait: each of them holds a socket. */
  readonly waiting: Exchange;
  /** Whether units wait where control lets them; otherwise they only ask now and then. */
  readonly waits: boolean;
  /** The proved policy of a document. Verified once for the same text: there are as many desktops as units. */
  readonly prove: (jws: string) => Promise<CutoverPolicy>;
  readonly now: () => number;
  readonly packages: Readonly<Record<string, string>>;
  /** Told of every exchange that was answered, with the `performance.now()` at which it began. */
  readonly answered: (kind: 'policy' | 'heartbeat', began: number) => void;
  /** Told of every exchange that failed. */
  readonly failed: (error: unknown) => void;
}

/** A simulated desktop. */
export interface SimulatedUnit {
  readonly revision: number | null;
  readonly decision: Decision;
  /** Begins to ask and to tell, each after its own delay. */
  start(pollAfter: number, beatAfter: number): void;
  stop(): void;
}

/** The bounds, pauses and doubling of the desktop: policy-source.ts and heartbeat.ts in apps/desktop/src/comms. */
const shortest = 1_000;
const longest = 60_000;
const usualPoll = 15_000;
const usualBeat = 5_000;
const gather = 250;

/** A unit that has no policy yet. It keeps the cadence of the desktop: the same routes at the same times. */
export function createUnit(id: string, world: UnitWorld): SimulatedUnit {
  const { exchange, waiting, now } = world;
  let policy: CutoverPolicy | null = null;
  let decision = decide(null, unitOf(id, null, null), { now: now(), flag: undefined, khala: true });
  let stopped = false;
  const poll = {
    timer: undefined as NodeJS.Timeout | undefined,
    busy: false,
    again: false,
    failures: 0,
    waits: null as number | null,
  };
  const beat = { timer: undefined as NodeJS.Timeout | undefined, at: 0, busy: false, again: false, failures: 0 };
  let toldAt = now();

  const take = async (jws: string) => {
    const next = await world.prove(jws);
    if (policy !== null && next.revision <= policy.revision) return;
    policy = next;
    const made = decide(next, unitOf(id, next, null), { now: now(), flag: undefined, khala: true });
    const same = made.lane === decision.lane && made.rule === decision.rule && made.shadow === decision.shadow;
    decision = made;
    if (!same) changed();
  };

  const question = async (): Promise<number> => {
    try {
      const path = `/v1/cutover/policy?unit=${encodeURIComponent(id)}`;
      const wait = !world.waits || poll.waits === null || policy === null ? null : poll.waits;
      const began = performance.now();
      const { status, body } =
        wait === null
          ? await exchange.ask('GET', path)
          : await waiting.ask('GET', `${path}&after=${policy?.revision}&wait_ms=${wait}`);
      world.answered('policy', began);
      if (status !== 200) throw new Error(`GET policy: ${status} ${body.slice(0, 200)}`);
      const answer = JSON.parse(body) as { policy: string; next_ms?: number; wait_ms?: number | null };
      poll.waits = answer.wait_ms ?? null;
      await take(answer.policy);
      poll.failures = 0;
      return answer.next_ms ?? usualPoll;
    } catch (error) {
      if (!stopped) world.failed(error);
      poll.failures += 1;
      poll.waits = null;
      return shortest * 2 ** Math.min(poll.failures, 6) * (1 + Math.random());
    }
  };
  const runPoll = () => {
    if (stopped) return;
    poll.busy = true;
    void question().then((next) => {
      poll.busy = false;
      const soon = poll.again;
      poll.again = false;
      planPoll(soon ? 0 : next * (0.9 + 0.2 * Math.random()));
    });
  };
  const planPoll = (delay: number) => {
    if (stopped) return;
    clearTimeout(poll.timer);
    poll.timer = setTimeout(runPoll, Math.min(longest, Math.max(shortest, delay)));
  };
  const askNow = () => {
    if (poll.busy) poll.again = true;
    else {
      clearTimeout(poll.timer);
      runPoll();
    }
  };

  const bodyNow = () => {
    const at = now();
    const { lane, rule, shadow } = decision;
    const body = {
      ...{ unit: id, build: '20261101T000000Z', policy_revision: policy?.revision ?? null },
      ...{ stage: policy?.stage ?? null, lane, rule, shadow, session: 'live' },
      lag_events: { khala: lane === 'khala' || shadow === 'khala' ? 0 : null, spacetime: 0 },
      ...{ applied: 1_200, duplicates: 0, gaps: 0, conflicts: 0, fallback_used: false },
      packages: world.packages,
      protocols: ['v3.bsatn.spacetimedb'],
      token_expires_at: at + 600_000,
      latency_ms: { p95: 40, samples: 50, errors: 0 },
      signals: { reconnects: 0, stale_cursors: 0, auth_failures: 0, auth_attempts: 0 },
      ...(shadow === null ? {} : { parity: windowOf(toldAt, at) }),
      // A position that control does not know: to compare it costs the same, and proves nothing.
      streams: [{ stream_id: 'runtime.run.1', epoch: 'bench', seq: '1', chain: '0'.repeat(64) }],
    };
    toldAt = at;
    return JSON.stringify(body);
  };
  const tell = async (): Promise<number> => {
    try {
      const body = bodyNow();
      const began = performance.now();
      const { status, body: text } = await exchange.ask('POST', '/v1/cutover/heartbeats', body);
      world.answered('heartbeat', began);
      if (status !== 200) throw new Error(`POST heartbeats: ${status} ${text.slice(0, 200)}`);
      const answer = JSON.parse(text) as { policy_revision: number; next_ms?: number };
      beat.failures = 0;
      if (answer.policy_revision > (policy?.revision ?? -1)) askNow();
      return answer.next_ms ?? usualBeat;
    } catch (error) {
      if (!stopped) world.failed(error);
      beat.failures += 1;
      return usualBeat * 2 ** Math.min(beat.failures - 1, 4);
    }
  };
  const runBeat = () => {
    if (stopped) return;
    if (beat.busy) {
      beat.again = true;
      return;
    }
    beat.busy = true;
    void tell().then((next) => {
      beat.busy = false;
      const soon = beat.again;
      beat.again = false;
      planBeat(soon ? gather : Math.min(longest, Math.max(shortest, next)));
    });
  };
  const planBeat = (delay: number) => {
    if (stopped) return;
    const at = performance.now() + delay;
    if (beat.timer !== undefined && beat.at <= at) return;
    clearTimeout(beat.timer);
    beat.at = at;
    beat.timer = setTimeout(() => {
      beat.timer = undefined;
      runBeat();
    }, delay);
  };
  const changed = () => {
    if (stopped || beat.failures > 0) return;
    if (beat.busy) beat.again = true;
    else planBeat(gather);
  };

  return {
    get revision() {
      return policy?.revision ?? null;
    },
    get decision() {
      return decision;
    },
    start(pollAfter, beatAfter) {
      poll.timer = setTimeout(runPoll, pollAfter);
      planBeat(beatAfter);
    },
    stop() {
      stopped = true;
      clearTimeout(poll.timer);
      clearTimeout(beat.timer);
    },
  };
}

function windowOf(from: number, to: number) {
  return { pair: 'khala/spacetime', from, to, counts: { match: 5 }, samples: [] };
}
