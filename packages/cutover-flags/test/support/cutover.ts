import { generateKeyPairSync } from 'node:crypto';
import {
  type CommandOf,
  type CommandType,
  type CutoverCommand,
  type CutoverConfig,
  type CutoverEvent,
  type CutoverFacts,
  type CutoverState,
  createReceipt,
  type DsseEnvelope,
  defaultCutoverConfig,
  type Evidence,
  type GateId,
  type GateObservation,
  gateIds,
  initialState,
  nextPercent,
  type PlanTarget,
  plan,
  type SigningKey,
  type TransitionResult,
  type TrustedKey,
  transition,
} from '../../src/index.ts';

/** A key pair of one of the two kinds. */
export function keyPair(
  keyid: string,
  kind: 'ed25519' | 'es256' = 'ed25519',
): { signing: SigningKey; jwk: TrustedKey['jwk'] } {
  const { privateKey, publicKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { signing: { keyid, jwk: privateKey.export({ format: 'jwk' }) }, jwk: publicKey.export({ format: 'jwk' }) };
}

const ci = keyPair('ci');

/** Signs receipts that are believed. */
export const ciKey = ci.signing;

/** The key of `ciKey`, for every gate. */
export const trustedKeys: readonly TrustedKey[] = [{ keyid: 'ci', jwk: ci.jwk, gates: gateIds }];

export const packages: Readonly<Record<string, string>> = {
  '@autopilot/apply-engine': '0.1.0',
  '@autopilot/checkpoint': '0.2.0',
  '@autopilot/session': '0.3.0',
  '@autopilot/nostr-bridge': '0.1.0',
  '@autopilot/legacy-lane': '0.1.0',
  '@autopilot/cutover-flags': '0.1.0',
  '@autopilot/desktop': '0.1.0',
  '@autopilot/control': '0.1.0',
};

export const start = 1_800_000_000_000;
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** An observation that meets every default, of the packages named. */
export function observation(gate: GateId, now: number, patch: Partial<GateObservation> = {}): GateObservation {
  const own = defaultCutoverConfig.gates[gate].packages;
  const names = own.length === 0 ? ['@autopilot/control'] : own;
  return {
    gate,
    verdict: 'pass',
    reason: 'Every case passed.',
    observed_from: now - day - minute,
    observed_to: now - minute,
    counts: { cases: 100, failed: 0, skipped: 0, events: 60_000 },
    measures: { match_ratio: 1, left_out_share: 0, covered_ms: day, lost: 0, repeated: 0, cohort_percent: 100 },
    environment: {
      packages: Object.fromEntries(names.map((name) => [name, packages[name] ?? '0.0.0'])),
      commit: 'c0ffee',
      module_schema: 'sha256:module',
      protocols: ['v3.bsatn.spacetimedb'],
    },
    ...patch,
  };
}

const signed = new Map<string, DsseEnvelope>();

/** The receipts of all gates; made once for each time, since signing costs. */
export function receipts(now: number, ...gates: readonly GateId[]): readonly DsseEnvelope[] {
  return (gates.length === 0 ? gateIds : gates).map((gate) => {
    const key = `${gate}@${now}`;
    const envelope = signed.get(key) ?? createReceipt(observation(gate, now), ciKey);
    signed.set(key, envelope);
    return envelope;
  });
}

const goodFacts: CutoverFacts = {
  target: { streams: 3, heads: 3, events: 60_000, units: 100 },
  binding: { ok: true, module_schema: 'sha256:module', protocols: ['v3.bsatn.spacetimedb'] },
  khala: { reachable: true },
  service: null,
  sample_ratio: null,
  placement: { units: 100, settled: 100 },
  fallback: { since: 0, uses: 0, units: 100 },
};

/** Facts that are good at a time, with a service that is measured since the share last changed. */
function facts(state: CutoverState, now: number, patch: Partial<CutoverFacts> = {}): CutoverFacts {
  const from = Math.max(state.cohort_since, now - 10 * minute);
  return { ...goodFacts, service: { from, to: now, samples: 1_000, p95_ms: 120, error_ratio: 0.001 }, ...patch };
}

/** The outcome of a command that was not refused. */
export type Accepted = Extract<TransitionResult, { ok: true }>;

/** A command without the members that most tests do not care about. */
type Body<T extends CommandType> = T extends CommandType
  ? Omit<CommandOf<T>, 'revision' | 'idempotency_key' | 'reason'> &
      Partial<Pick<CutoverCommand, 'revision' | 'idempotency_key' | 'reason'>>
  : never;

/** A cutover with a clock of its own. */
export class Cutover {
  state: CutoverState;
  now = start;
  config: CutoverConfig;
  events: CutoverEvent[] = [];
  /** Replaces what would be the evidence. */
  evidence: Partial<Evidence> = {};
  facts: Partial<CutoverFacts> = {};

  constructor({ stage = 0, config = defaultCutoverConfig }: { stage?: 0 | 2; config?: CutoverConfig } = {}) {
    this.config = config;
    // Long enough ago for a day of evidence.
    this.state = initialState({ deployment: 'test', salt: 'salt', stage, now: start - 2 * day, config });
  }

  currentEvidence(): Evidence {
    return {
      packages,
      commit: 'c0ffee',
      module_schema: 'sha256:module',
      // Of the whole hour, or of the last change, so that a plan does not change from one command to the next.
      receipts: receipts(
        Math.max(this.now - (this.now % hour), this.state.stage_since + minute, this.state.cohort_since + minute),
      ),
      trusted_keys: trustedKeys,
      facts: facts(this.state, this.now, this.facts),
      ...this.evidence,
    };
  }

  plan(to: PlanTarget) {
    return plan(this.state, to, this.currentEvidence(), this.config, this.now);
  }

  try(command: Body<CommandType>, actor = 'alice'): TransitionResult {
    const full = { revision: this.state.revision, idempotency_key: null, reason: 'Because.', ...command };
    const context = { actor, now: this.now, config: this.config, evidence: this.currentEvidence() };
    const result = transition(this.state, full as CutoverCommand, context);
    if (result.ok) {
      // Through JSON, as a store would have it: everything must be in the state.
      this.state = JSON.parse(JSON.stringify(result.state)) as CutoverState;
      this.events.push(...result.events);
    }
    return result;
  }

  do(command: Body<CommandType>, actor = 'alice'): Accepted {
    const result = this.try(command, actor);
    if (!result.ok) throw result.refusal;
    return result;
  }

  /** The code that a command is refused with; the state has to stay as it is. */
  refused(command: Body<CommandType>, actor = 'alice'): string {
    const before = this.state;
    const result = this.try(command, actor);
    if (this.state !== before) throw new Error('A refused command changed the state.');
    return result.ok ? 'accepted' : result.refusal.code;
  }

  later(ms: number): this {
    this.now += ms;
    return this;
  }

  /** Proposes and approves. */
  approved(to: 1 | 2 | 3 | 'sealed', id = `to-${to}-${this.state.revision}`): string {
    this.do({ type: 'propose', id, to });
    const { digest } = this.plan(to);
    this.do({ type: 'approve', id, plan_digest: digest }, 'bob');
    this.do({ type: 'approve', id, plan_digest: digest }, 'carol');
    return id;
  }

  /** The whole way into a stage. */
  flip(to: 1 | 2 | 3): void {
    this.later(Math.max(0, this.state.cooldown_until - this.now));
    this.do({ type: 'advance', id: this.approved(to), drain: false });
    this.do({ type: 'acknowledge', expected: 100, acknowledged: 100 });
  }

  /** From Stage 1 on, to a share. */
  grow(until: number): void {
    while (this.state.cohort.percent < until) {
      this.later(Math.max(this.config.cohort.soak_ms, this.state.cooldown_until - this.now));
      const percent = nextPercent(this.state.cohort.percent, this.config);
      this.do({ type: 'set_cohort', change: { percent, cap: null, include: null, exclude: null }, drain: false });
    }
    this.later(this.config.cohort.soak_ms);
  }

  /** Two releases without a fallback. */
  releases(): void {
    for (const release of ['1.0', '1.1']) {
      this.later(this.config.release.min_cycle_ms);
      this.do({ type: 'release_cycle', release });
    }
  }

  /** A cutover at a stage, by the way that is meant. Walked once for each stage: the state is plain data. */
  static at(stage: 0 | 1 | 2 | 3): Cutover {
    const cutover = new Cutover();
    const known = walked.get(stage);
    if (known === undefined) {
      if (stage >= 1) cutover.resume(Cutover.at((stage - 1) as 0 | 1 | 2));
      if (stage === 2) cutover.grow(100);
      if (stage === 3) cutover.releases();
      if (stage >= 1) cutover.flip(stage as 1 | 2 | 3);
      walked.set(stage, cutover);
    }
    return known === undefined ? new Cutover().resume(cutover) : cutover.resume(known);
  }

  /** Goes on from where another one is. */
  resume(other: Cutover): this {
    this.state = other.state;
    this.now = other.now;
    this.events = [...other.events];
    return this;
  }
}

const walked = new Map<number, Cutover>();
