import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AuditRecord,
  appendAudit,
  auditGenesis,
  type CommandType,
  type CutoverState,
  createReceipt,
  type DsseEnvelope,
  defaultCutoverConfig,
  type GateObservation,
  parseCutoverConfig,
  policyOf,
  type TransitionResult,
  verifyAudit,
} from '../../src/index.ts';
import { Cutover, ciKey, hour, keyPair, minute, observation } from '../support/cutover.ts';

const entry = (gate: string) => ({ gate, measures: [] });

// Two gates a step, so that thousands of commands take seconds; everything else is as it is by default.
const config = parseCutoverConfig({
  steps: Object.fromEntries(
    Object.entries(defaultCutoverConfig.steps).map(([id, { conditions }]) => [
      id,
      { gates: id === 'seal' ? [entry('rulebook')] : [entry('parity')], conditions },
    ]),
  ),
  cohort: { steps: [10, 100], soak_ms: 20 * minute },
  cooldown: { after_flip_ms: minute, after_rollback_ms: 10 * minute },
  release: { cycles: 1, min_cycle_ms: hour },
});

/** What the evidence is worth. Only the good ones may ever let anything go forward. */
const evidences = [
  'good',
  'better',
  'none',
  'stale',
  'zero',
  'untrusted',
  'failed',
  'empty target',
  'no way back',
] as const;
type EvidenceName = (typeof evidences)[number];

const stranger = keyPair('ci').signing;

function receiptsOf(name: EvidenceName, at: number) {
  const patches: Partial<Record<EvidenceName, Partial<GateObservation>>> = {
    better: { reason: 'Better.' },
    stale: { observed_from: at - 90 * hour, observed_to: at - 60 * hour },
    zero: { counts: { cases: 0, failed: 0, skipped: 0, events: 0 } },
    failed: { verdict: 'fail' },
  };
  if (name === 'none') return [];
  const known = made.get(`${name} ${at}`);
  if (known !== undefined) return known;
  const key = name === 'untrusted' ? stranger : ciKey;
  const receipts = (['parity', 'rulebook'] as const).map((gate) =>
    createReceipt(observation(gate, at, patches[name]), key),
  );
  made.set(`${name} ${at}`, receipts);
  return receipts;
}

const made = new Map<string, readonly DsseEnvelope[]>();

/** The cutover, and what a bystander wrote down about it. */
class World extends Cutover {
  name: EvidenceName = 'good';
  /** Who approved the present request, and of which evidence. */
  approvals: { by: string; evidence: EvidenceName; made: number }[] = [];
  requester = '';
  audit: AuditRecord[] = [];
  /** Counts everything that makes another plan: evidence, and changes of the state beside the request itself. */
  changes = 0;

  constructor() {
    super({ config });
    this.show('good');
  }

  show(name: EvidenceName): void {
    if (name !== this.name || this.evidence.receipts === undefined) this.changes += 1;
    this.name = name;
    this.evidence = { receipts: receiptsOf(name, this.now) };
    this.facts = {
      ...(name === 'empty target' ? { target: { streams: 1, heads: 0, events: 0, units: 9 } } : {}),
      ...(name === 'no way back' ? { khala: { reachable: false } } : {}),
    };
  }

  /** Between the steps of the way up the lanes are compared again. */
  override grow(until: number): void {
    for (const percent of config.cohort.steps) {
      if (percent <= this.state.cohort.percent || percent > until) continue;
      this.later(2 * hour);
      this.show(this.name);
      super.grow(percent);
    }
  }

  get good(): boolean {
    return this.name === 'good' || this.name === 'better';
  }
}

const place = ({ stage, cohort, status }: CutoverState) => ({
  stage,
  percent: cohort.percent,
  sealed: status === 'sealed',
});

const people = ['alice', 'bob', 'carol', 'dan'] as const;

type StepKind = CommandType | 'wait' | 'show' | 'next';

/** What a manager would do next: so that lists of commands get somewhere, and not only into refusals. */
function nextStep({ state }: World, choice: number): Step {
  const { flip, status, stage, cohort } = state;
  if (status === 'requested') {
    const by = people.find(
      (each) => each !== flip?.requester && !flip?.approvals.some((approval) => approval.by === each),
    );
    return new Step('approve', by ?? 'eve', 1);
  }
  if (status === 'approved') return new Step(flip?.to === 'sealed' ? 'seal' : 'advance', 'alice', choice);
  if (status === 'flipping') return new Step('acknowledge', 'control', 10);
  if (stage === 1 && cohort.percent < 100) return new Step('set_cohort', 'alice', 1);
  if (stage === 2 && state.release_cycles.at_zero === 0) return new Step('release_cycle', 'alice', choice);
  return new Step('propose', 'alice', 1);
}

/** One command, or the passing of time, or other evidence. */
class Step implements fc.Command<World, World> {
  readonly kind: StepKind;
  readonly actor: string;
  readonly choice: number;

  constructor(kind: StepKind, actor: string, choice: number) {
    this.kind = kind;
    this.actor = actor;
    this.choice = choice;
  }

  check = () => true;

  toString = () => `${this.kind}(${this.actor}, ${this.choice})`;

  run(_model: World, world: World): void {
    const { kind, choice } = this;
    if (kind === 'next') {
      nextStep(world, choice).run(world, world);
      return;
    }
    if (kind === 'wait') {
      world.later([minute, 10 * minute, 20 * minute, hour][choice % 4] ?? 0);
      // Receipts are made anew while time goes by, of what they were.
      if (choice % 4 === 3) {
        world.changes += 1;
        world.show(world.name);
      }
      return;
    }
    if (kind === 'show') {
      world.show(evidences[choice % 3 === 0 ? choice % evidences.length : 0] ?? 'good');
      return;
    }
    const before = world.state;
    const command = {
      type: kind,
      ...this.body(world),
      idempotency_key: `k${before.revision}-${kind}-${choice}`,
    } as never;
    const result = world.try(command, this.actor);
    this.verify(world, before, result);
    if (!result.ok || result.replayed) return;
    const replay = world.try({ ...(command as object), revision: before.revision } as never, this.actor);
    if (world.state.revision !== before.revision) {
      expect(replay).toMatchObject({ ok: true, replayed: true, events: [], answered: result.events });
      expect(world.state).toEqual(JSON.parse(JSON.stringify(result.state)));
      const late = world.try(
        { ...(command as object), idempotency_key: null, revision: before.revision } as never,
        this.actor,
      );
      expect(late).toMatchObject({ ok: false, refusal: { code: 'state_conflict' } });
    }
  }

  private body(world: World): object {
    const { state, now } = world;
    const { choice } = this;
    const id = state.flip?.id ?? 'none';
    const next = state.stage === 3 ? 'sealed' : choice % 7 === 0 ? choice % 4 : state.stage + 1;
    const expires_at = now + ([hour, 0, 999 * hour][choice % 3] ?? hour);
    const percent = state.cohort.percent < 10 ? 10 : 100;
    const bodies: Record<CommandType, object> = {
      propose: { id: `flip-${state.revision}`, to: next },
      approve: { id, plan_digest: choice % 5 === 0 ? 'other' : world.plan(state.flip?.to ?? 1).digest },
      withdraw: { id },
      advance: { id, drain: choice % 2 === 0 },
      acknowledge: { expected: 10, acknowledged: choice % 11 },
      timeout: {},
      rollback: {
        target: [
          { kind: 'stage', stage: Math.max(0, state.stage - 1 - (choice % 2)), percent: null },
          { kind: 'cohort', percent: choice % 100 },
          { kind: 'units', units: [`u${choice}`], until: now + hour },
        ][choice % 3],
        drain: true,
      },
      set_cohort: {
        change: {
          percent: choice % 4 === 0 ? choice % 101 : percent,
          cap: choice % 5 === 0 ? choice : null,
          include: null,
          exclude: null,
        },
        drain: false,
      },
      fallback_start: { incident: 'INC', operator: 'olga', expires_at, units: 'all' },
      fallback_end: {},
      waive: { id: `w${choice}`, gate: choice % 2 === 0 ? 'parity' : 'rulebook', owner: 'dave', expires_at },
      waive_end: { id: state.waivers[0]?.id ?? 'none' },
      emergency_force: {
        id: `f${state.revision}`,
        to: next === 'sealed' ? 3 : next,
        incident: 'INC',
        operator: 'olga',
        expires_at,
        drain: true,
      },
      emergency_clear: { id: state.waivers[0]?.id ?? 'none' },
      observe: { signals: { stale_cursors: [0, 45, 51, null][choice % 4] ?? null, lag_events_p95: choice % 300 } },
      release_hold: { trigger: state.holds[0]?.trigger ?? 'none' },
      release_cycle: { release: `r${state.revision}` },
      seal: { id },
    };
    return bodies[this.kind as CommandType];
  }

  private verify(world: World, before: CutoverState, result: TransitionResult): void {
    const after = world.state;
    if (!result.ok) {
      expect(after).toBe(before);
      return;
    }
    // M6
    expect(before.status).not.toBe('sealed');
    // M3
    const same = JSON.stringify(after) === JSON.stringify(before);
    expect(after.revision).toBe(before.revision + (same ? 0 : 1));
    // M1
    expect(after.stage - before.stage).toBeLessThanOrEqual(1);
    if (after.stage > before.stage || after.status === 'sealed') this.verifyForward(world, before, after);
    if (after.cohort.percent > before.cohort.percent && before.stage === after.stage && this.kind !== 'timeout') {
      // M12
      expect([this.kind, before.stage, world.good]).toEqual(['set_cohort', 1, true]);
      expect(after.cohort.percent).toBe(config.cohort.steps.find((step) => step > before.cohort.percent));
      expect(before.cohort.percent === 0 || world.now - before.cohort_since >= config.cohort.soak_ms).toBe(true);
      expect(before.holds).toEqual([]);
    }
    expect(after.cohort.salt).toBe('salt');
    // M16
    const visible = (state: CutoverState) => JSON.stringify({ ...policyOf(state), revision: 0, issued_at: 0 });
    expect(after.policy_revision).toBe(visible(after) === visible(before) ? before.policy_revision : after.revision);
    // M13
    for (const waiver of after.waivers) expect(waiver.expires_at - waiver.since).toBeLessThanOrEqual(14 * 24 * hour);
    for (const event of result.events) world.audit.push(appendAudit(world.audit.at(-1) ?? auditGenesis, event));
    const told = world.audit.at(-1)?.to ?? place(before);
    expect(told).toEqual(place(after));
    this.note(world, before, after);
  }

  private verifyForward(world: World, before: CutoverState, after: CutoverState): void {
    // M9
    expect(world.name).not.toBe('empty target');
    if (this.kind === 'emergency_force') {
      expect(after.stage).not.toBe(3);
      expect(after.waivers).toContainEqual(expect.objectContaining({ kind: 'emergency', since: world.now }));
      return;
    }
    // M2, M7: carried out by command, on good evidence, with approvals of just that by two others.
    expect(['advance', 'seal']).toContain(this.kind);
    expect(world.good).toBe(true);
    const valid = world.approvals.filter(({ by, made }) => by !== world.requester && made === world.changes);
    expect(new Set(valid.map(({ by }) => by)).size).toBeGreaterThanOrEqual(2);
    // M11
    expect(before.holds).toEqual([]);
    expect(world.now).toBeGreaterThanOrEqual(before.cooldown_until);
    if (after.stage === 3) expect(before.waivers).toEqual([]);
  }

  /** Writes down who approved what, and whether the plan must be another one now. */
  private note(world: World, before: CutoverState, after: CutoverState): void {
    if (this.kind === 'propose') {
      world.requester = this.actor;
      world.approvals = [];
    } else if (this.kind === 'approve') {
      world.approvals.push({ by: this.actor, evidence: world.name, made: world.changes });
    }
    const rest = ({ cohort, fallback, waivers, holds, stage }: CutoverState) =>
      JSON.stringify([cohort, fallback, waivers, holds, stage]);
    if (rest(before) !== rest(after)) world.changes += 1;
  }
}

const weights: [StepKind, number][] = [
  ['next', 60],
  ['wait', 18],
  ['show', 4],
  ['propose', 2],
  ['approve', 3],
  ['advance', 1],
  ['acknowledge', 2],
  ['set_cohort', 2],
  ['timeout', 2],
  ['rollback', 1],
  ['withdraw', 1],
  ['fallback_start', 1],
  ['fallback_end', 1],
  ['waive', 1],
  ['waive_end', 1],
  ['emergency_force', 1],
  ['emergency_clear', 2],
  ['observe', 2],
  ['release_hold', 1],
  ['release_cycle', 3],
  ['seal', 3],
];

const steps = weights.map(([kind, weight]) => ({
  weight,
  arbitrary: fc
    .tuple(fc.constantFrom(...people), fc.nat({ max: 1_000 }))
    .map(([actor, choice]): fc.Command<World, World> => new Step(kind, actor, choice)),
}));

describe('any commands in any order', () => {
  test('M1 M2 M3 M5 M6 M7 M9 M11 M12 M13 M16 hold after every command', () => {
    const reached = new Map<string, number>();
    // On a failure fast-check prints seed, path and the shortest list of commands.
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 3),
        fc.commands([fc.oneof(...steps)], { maxCommands: 60, size: 'max' }),
        (stage, commands) => {
          const world = new World().resume(begin(stage as 0 | 1 | 2 | 3));
          world.show('good');
          fc.modelRun(() => ({ model: world, real: world }), commands);
          for (const { event } of world.audit) reached.set(event, (reached.get(event) ?? 0) + 1);
          expect(verifyAudit(world.audit)).toMatchObject({ ok: true });
        },
      ),
      propertyRuns(12),
    );
    // The property is about something: the events that it forbids without reason do happen.
    for (const event of ['flip_done', 'cohort_changed']) {
      expect(reached.get(event) ?? 0).toBeGreaterThan(0);
    }
  });
});

const begun = new Map<number, World>();

/** A world at a stage, by the way that is meant. */
function begin(stage: 0 | 1 | 2 | 3): World {
  const known = begun.get(stage);
  if (known !== undefined) return known;
  const world = new World();
  for (let to = 1; to <= stage; to += 1) {
    if (to === 2) world.grow(100);
    world.later(2 * hour);
    world.show('better');
    if (to === 3) world.do({ type: 'release_cycle', release: 'first' });
    world.show('good');
    world.flip(to as 1 | 2 | 3);
  }
  begun.set(stage, world);
  return world;
}
