import { describe, expect, test } from '@jest/globals';
import { createReceipt, type Evidence, type GateObservation } from '../../src/index.ts';
import { Cutover, ciKey, day, hour, keyPair, minute, observation, packages, receipts } from '../support/cutover.ts';

/** The receipts of every gate, one of them replaced. */
function withParity(cutover: Cutover, patch: Partial<GateObservation>): Partial<Evidence> {
  const { now } = cutover;
  const others = receipts(now).filter((_, at) => at !== 5);
  return { receipts: [...others, createReceipt(observation('parity', now, patch), ciKey)] };
}

const propose = { type: 'propose', id: 'flip', to: 1 } as const;

describe('what may not be asked for', () => {
  test.each([
    [0, 2],
    [0, 3],
    [1, 3],
  ] as const)('M1 a skipped stage: from %i to %i', (stage, to) => {
    expect(Cutover.at(stage).later(hour).refused({ type: 'propose', id: 'skip', to })).toBe('stage_skipped');
  });

  test.each([0, 1, 2] as const)('M1 sealing Stage %i', (stage) => {
    expect(Cutover.at(stage).later(hour).refused({ type: 'propose', id: 'seal', to: 'sealed' })).toBe('stage_skipped');
  });

  test('M1 the stage that it is, or an earlier one', () => {
    const cutover = Cutover.at(1);
    expect(cutover.refused({ type: 'propose', id: 'same', to: 1 })).toBe('not_now');
    expect(cutover.refused({ type: 'propose', id: 'back', to: 0 })).toBe('not_now');
  });

  test('M2 no receipt at all', () => {
    const cutover = new Cutover();
    cutover.evidence = { receipts: [] };
    expect(cutover.refused(propose)).toBe('evidence_missing');
  });

  test('M2 stale evidence', () => {
    const cutover = new Cutover();
    const old = { observed_from: cutover.now - 3 * day, observed_to: cutover.now - day - 1 };
    cutover.evidence = withParity(cutover, old);
    expect(cutover.refused(propose)).toBe('evidence_stale');
  });

  test.each<[string, Partial<GateObservation>]>([
    ['zero samples', { counts: { cases: 0, failed: 0, skipped: 0, events: 0 } }],
    ['too few events', { counts: { cases: 100, failed: 0, skipped: 0, events: 49_999 } }],
    ['a skipped case', { counts: { cases: 100, failed: 0, skipped: 1, events: 60_000 } }],
    ['a measure that is missing', { measures: {} }],
    ['too short a time', { observed_from: 1_800_000_000_000 - hour }],
    ['its own verdict', { verdict: 'inconclusive' }],
    ['no protocol', { environment: { ...observation('parity', 0).environment, protocols: [] } }],
    [
      'another version',
      { environment: { ...observation('parity', 0).environment, packages: { '@autopilot/control': '9.0.0' } } },
    ],
    ['another module', { environment: { ...observation('parity', 0).environment, module_schema: 'sha256:other' } }],
  ])('M2 evidence that says nothing: %s', (_name, patch) => {
    const cutover = new Cutover();
    cutover.evidence = withParity(cutover, patch);
    expect(cutover.refused(propose)).toBe('evidence_inconclusive');
  });

  test.each<[string, Partial<GateObservation>]>([
    ['its own verdict', { verdict: 'fail' }],
    ['a failed case', { counts: { cases: 100, failed: 1, skipped: 0, events: 60_000 } }],
    ['parity below the bound', { measures: { match_ratio: 0.9998 } }],
  ])('M2 a failed gate: %s', (_name, patch) => {
    const cutover = new Cutover();
    cutover.evidence = withParity(cutover, patch);
    expect(cutover.refused(propose)).toBe('gate_failed');
  });

  test('M2 receipts of a key that is not trusted, or not for the gate, or of a tampered text', () => {
    const cutover = new Cutover();
    const stranger = keyPair('stranger').signing;
    const { now } = cutover;
    const others = receipts(now).filter((_, at) => at !== 5);
    cutover.evidence = { receipts: [...others, createReceipt(observation('parity', now), stranger)] };
    expect(cutover.refused(propose)).toBe('evidence_missing');
    const sameName = { ...stranger, keyid: 'ci' };
    cutover.evidence = { receipts: [...others, createReceipt(observation('parity', now), sameName)] };
    expect(cutover.refused(propose)).toBe('evidence_missing');
    const { signatures: _, ...unsigned } = createReceipt(observation('parity', now), ciKey);
    cutover.evidence = { receipts: [...others, { ...unsigned, signatures: [] }] };
    expect(cutover.refused(propose)).toBe('evidence_missing');
  });

  test.each(['streams', 'heads', 'events', 'units'] as const)('M9 a target without %s', (member) => {
    const target = { streams: 3, heads: 3, events: 10, units: 100 };
    for (const nothing of [0, Number.NaN, -1]) {
      const cutover = new Cutover();
      cutover.facts = { target: { ...target, [member]: nothing } };
      expect(cutover.refused(propose)).toBe('empty_target');
      expect(
        cutover.refused({
          type: 'emergency_force',
          id: 'force',
          to: 1,
          incident: 'INC-1',
          operator: 'alice',
          expires_at: cutover.now + hour,
          drain: true,
        }),
      ).toBe('empty_target');
    }
    const cutover = new Cutover();
    cutover.facts = { target: null };
    expect(cutover.refused(propose)).toBe('empty_target');
  });

  test('M10 no way back: khala does not answer or is not known, or nobody has tried it before Stage 2', () => {
    const cutover = new Cutover();
    for (const khala of [null, { reachable: false }]) {
      cutover.facts = { khala };
      expect(cutover.refused(propose)).toBe('no_way_back');
    }
    const grown = Cutover.at(1);
    grown.grow(100);
    const times = { observed_from: grown.now - 9 * day, observed_to: grown.now - 8 * day };
    const old = createReceipt(observation('rollback-drill', grown.now, times), ciKey);
    grown.evidence = { receipts: [...receipts(grown.now).filter((_, at) => at !== 7), old] };
    expect(grown.refused({ type: 'propose', id: 'flip', to: 2 })).toBe('no_way_back');
  });

  test('M10 the drill is repeated when half of the units are over', () => {
    const cutover = Cutover.at(1);
    cutover.grow(100);
    const { now } = cutover;
    cutover.evidence = {
      receipts: [
        ...receipts(now).filter((_, at) => at !== 7),
        createReceipt(
          observation('rollback-drill', now, { measures: { lost: 0, repeated: 0, cohort_percent: 10 } }),
          ciKey,
        ),
      ],
    };
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 2 })).toBe('no_way_back');
  });
});

describe('two managers', () => {
  test('M4 at once: the second is told that the first was faster', () => {
    const cutover = new Cutover();
    const seen = cutover.state.revision;
    cutover.do({ ...propose, revision: seen });
    expect(cutover.refused({ ...propose, id: 'other', revision: seen }, 'bob')).toBe('state_conflict');
    expect(cutover.refused({ ...propose, id: 'other' }, 'bob')).toBe('not_now');
  });

  test('M5 the same key and command is answered as before and done once; another command is refused', () => {
    const cutover = new Cutover();
    const command = { ...propose, idempotency_key: 'k1', revision: cutover.state.revision };
    const first = cutover.do(command);
    const { state } = cutover;
    const again = cutover.do(command);
    expect(again).toMatchObject({ replayed: true, events: [], revision: first.revision, answered: first.events });
    expect(cutover.state).toEqual(state);
    expect(cutover.refused({ ...command, id: 'other' })).toBe('idempotency_conflict');
    // The key is of the one who sent it, too: somebody else does not get that answer.
    expect(cutover.refused(command, 'mallory')).toBe('idempotency_conflict');
  });

  test('M5 a refused command may be sent again under its key', () => {
    const cutover = new Cutover();
    cutover.facts = { target: null };
    const command = { ...propose, idempotency_key: 'k1' };
    expect(cutover.refused(command)).toBe('empty_target');
    cutover.facts = {};
    expect(cutover.do(command).replayed).toBe(false);
  });
});

describe('approvals', () => {
  test('M2 two by others than the requester, each once', () => {
    const cutover = new Cutover();
    cutover.do(propose);
    const approve = { type: 'approve', id: 'flip', plan_digest: cutover.plan(1).digest } as const;
    expect(cutover.refused(approve, 'alice')).toBe('own_approval');
    expect(cutover.refused({ type: 'advance', id: 'flip', drain: false })).toBe('approvals_missing');
    cutover.do(approve, 'bob');
    expect(cutover.refused(approve, 'bob')).toBe('already_approved');
    expect(cutover.refused({ type: 'advance', id: 'flip', drain: false })).toBe('approvals_missing');
    expect(cutover.refused({ ...approve, id: 'other' }, 'carol')).toBe('unknown_id');
    cutover.do(approve, 'carol');
    expect(cutover.state.status).toBe('approved');
  });

  test('M7 a plan that changed: the old digest is refused, approvals of it are void', () => {
    const cutover = new Cutover();
    cutover.do(propose);
    const old = cutover.plan(1).digest;
    cutover.do({ type: 'approve', id: 'flip', plan_digest: old }, 'bob');
    // A newer receipt of one gate is other evidence.
    cutover.later(minute);
    const newer = createReceipt(observation('parity', cutover.now), ciKey);
    cutover.evidence = { receipts: [...receipts(cutover.now - minute), newer] };
    const { digest } = cutover.plan(1);
    expect(digest).not.toBe(old);
    expect(cutover.refused({ type: 'approve', id: 'flip', plan_digest: old }, 'carol')).toBe('plan_changed');
    const { events } = cutover.do({ type: 'approve', id: 'flip', plan_digest: digest }, 'carol');
    expect(events.map((event) => event.event)).toEqual(['approvals_voided', 'flip_approved']);
    expect(cutover.state).toMatchObject({ status: 'requested', flip: { approvals: [{ by: 'carol' }] } });
    cutover.do({ type: 'approve', id: 'flip', plan_digest: digest }, 'bob');
    expect(cutover.state.status).toBe('approved');
  });

  test.each<[string, (cutover: Cutover) => void]>([
    [
      'evidence',
      (cutover) => {
        cutover.evidence = {
          receipts: [...receipts(cutover.now), createReceipt(observation('parity', cutover.now + 1), ciKey)],
        };
      },
    ],
    [
      'configuration',
      (cutover) => {
        cutover.config = { ...cutover.config, cohort: { ...cutover.config.cohort, soak_ms: 1 } };
      },
    ],
    [
      'state',
      (cutover) => {
        cutover.do({ type: 'waive', id: 'w', gate: 'rulebook', owner: 'dave', expires_at: cutover.now + hour });
      },
    ],
    [
      'versions',
      (cutover) => {
        cutover.evidence = { packages: { ...packages, '@autopilot/extra': '1.0.0' } };
      },
    ],
  ])('M7 approved, then another %s: it is not carried out, and the approvals are void', (_name, change) => {
    const cutover = new Cutover();
    const id = cutover.approved(1);
    change(cutover);
    expect(cutover.refused({ type: 'advance', id, drain: false })).toBe('plan_changed');
    const { events } = cutover.do({ type: 'timeout' }, 'control');
    expect(events).toMatchObject([{ event: 'approvals_voided', data: { voided: 2 } }]);
    expect(cutover.state).toMatchObject({ status: 'requested', flip: { approvals: [] } });
    expect(cutover.refused({ type: 'advance', id, drain: false })).toBe('approvals_missing');
  });

  test('M7 approved, then the receipts get too old: it is not carried out', () => {
    const cutover = new Cutover();
    const id = cutover.approved(1);
    cutover.evidence = { receipts: receipts(cutover.now) };
    cutover.later(day - 2 * minute);
    cutover.do({ type: 'withdraw', id });
    const again = cutover.approved(1, 'again');
    cutover.later(2 * minute);
    expect(cutover.refused({ type: 'advance', id: again, drain: false })).toBe('evidence_stale');
  });

  test('M7 time alone does not change a plan', () => {
    const cutover = new Cutover();
    const id = cutover.approved(1);
    cutover.later(10 * minute);
    cutover.do({ type: 'advance', id, drain: false });
    expect(cutover.state.stage).toBe(1);
  });
});

describe('going forward has to wait', () => {
  test('M11 after a flip, and longer after a rollback; a way back never waits', () => {
    const cutover = Cutover.at(1);
    expect(cutover.state.cooldown_until).toBe(cutover.now + 10 * minute);
    const step = { percent: 1, cap: null, include: null, exclude: null };
    expect(cutover.refused({ type: 'set_cohort', change: step, drain: false })).toBe('cooling_down');
    cutover.do({ type: 'rollback', target: { kind: 'stage', stage: 0, percent: null }, drain: true });
    expect(cutover.state.cooldown_until).toBe(cutover.now + hour);
    cutover.later(hour - 1);
    expect(cutover.refused(propose)).toBe('cooling_down');
    cutover.later(1);
    cutover.do(propose);
  });

  test('M12 a cohort grows by one step, after the soak, and with a service that is good', () => {
    const cutover = Cutover.at(1).later(10 * minute);
    const step = (percent: number) =>
      ({ type: 'set_cohort', change: { percent, cap: null, include: null, exclude: null }, drain: false }) as const;
    expect(cutover.refused(step(5))).toBe('stage_skipped');
    cutover.do(step(1));
    expect(cutover.refused(step(5))).toBe('plan_not_ready');
    cutover.later(cutover.config.cohort.soak_ms - 1);
    expect(cutover.refused(step(5))).toBe('plan_not_ready');
    cutover.later(1);
    const service = { from: cutover.now - minute, to: cutover.now, samples: 100, p95_ms: 100, error_ratio: 0 };
    for (const bad of [
      { p95_ms: 601 },
      { error_ratio: 0.021 },
      { p95_ms: Number.NaN },
      { error_ratio: -1 },
      { samples: 49 },
      { to: cutover.now - hour, from: cutover.now - hour },
      { from: cutover.state.cohort_since - 1 },
    ]) {
      cutover.facts = { service: { ...service, ...bad } };
      expect(cutover.refused(step(5))).toBe('plan_not_ready');
    }
    cutover.facts = { service: null };
    expect(cutover.refused(step(5))).toBe('plan_not_ready');
    // A share that is only set: 94 of 100 units are where it puts them.
    for (const placement of [null, { units: 0, settled: 0 }, { units: 100, settled: 94 }]) {
      cutover.facts = { placement };
      expect(cutover.refused(step(5))).toBe('plan_not_ready');
    }
    // Lanes were compared, but before the present share.
    cutover.facts = {};
    cutover.evidence = { receipts: receipts(cutover.state.cohort_since) };
    expect(cutover.refused(step(5))).toBe('evidence_stale');
    cutover.evidence = {};
    cutover.do(step(5));
    expect(cutover.state.cohort).toEqual({ salt: 'salt', percent: 5, cap: null, include: [], exclude: [] });
  });

  test('M12 units that do not arrive in their shares hold the cohort', () => {
    const cutover = Cutover.at(1);
    cutover.grow(5);
    const target = { streams: 3, heads: 3, events: 10, units: 1_000 };
    const step = {
      type: 'set_cohort',
      change: { percent: 10, cap: null, include: null, exclude: null },
      drain: false,
    } as const;
    for (const p of [0.0009, null, Number.NaN]) {
      cutover.facts = { target, sample_ratio: { samples: 1_000, p } };
      expect(cutover.refused(step)).toBe('plan_not_ready');
    }
    cutover.facts = { target, sample_ratio: null };
    expect(cutover.refused(step)).toBe('plan_not_ready');
    cutover.facts = { target, sample_ratio: { samples: 1_000, p: 0.4 } };
    cutover.do(step);
  });

  test('M12 Stage 2 needs every unit in the cohort for a whole soak', () => {
    const cutover = Cutover.at(1);
    cutover.grow(50);
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 2 })).toBe('plan_not_ready');
    cutover.grow(100);
    cutover.later(-1);
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 2 })).toBe('plan_not_ready');
    cutover.later(1);
    cutover.do({ type: 'propose', id: 'flip', to: 2 });
  });

  test('M15 Stage 3 needs two releases in a row without a fallback', () => {
    const cutover = Cutover.at(2);
    const cycle = (release: string) => ({ type: 'release_cycle', release }) as const;
    expect(cutover.refused(cycle('1.0'))).toBe('not_due');
    cutover.later(7 * day);
    for (const fallback of [
      null,
      { since: cutover.now, uses: 0, units: 1 },
      { since: 0, uses: Number.NaN, units: 1 },
      // Weeks without a word are no release that passed.
      { since: 0, uses: 0, units: 0 },
      { since: 0, uses: 0, units: Number.NaN },
    ]) {
      cutover.facts = { fallback };
      expect(cutover.refused(cycle('1.0'))).toBe('evidence_missing');
    }
    cutover.facts = {};
    cutover.do(cycle('1.0'));
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 3 })).toBe('plan_not_ready');
    cutover.later(7 * day);
    expect(cutover.refused(cycle('1.0'))).toBe('invalid_command');
    cutover.facts = { fallback: { since: 0, uses: 1, units: 1 } };
    expect(cutover.do(cycle('1.1')).events).toMatchObject([{ event: 'release_reset' }]);
    cutover.facts = {};
    expect(cutover.state.release_cycles.at_zero).toBe(0);
    cutover.releases();
    cutover.do({ type: 'propose', id: 'flip', to: 3 });
  });
});
