import { describe, expect, test } from '@jest/globals';
import { createReceipt, type PlanTarget, planDigest } from '../../src/index.ts';
import { Cutover, ciKey, hour, observation, packages, receipts, trustedKeys } from '../support/cutover.ts';

const find = (cutover: Cutover, to: PlanTarget, id: string) =>
  cutover.plan(to).requirements.find((each) => each.id === id || each.id.startsWith(`${id}:`));

describe('a plan', () => {
  test('G7 shows effects, every requirement with what was seen and wanted, and the values it used', () => {
    const cutover = new Cutover();
    const plan = cutover.plan(1);
    expect(plan).toMatchObject({
      ready: true,
      direction: 'forward',
      from: { stage: 0, percent: 0, sealed: false },
      to: 1,
      next_steps: [],
      approvals_needed: 2,
      values: {
        flip: { ack_timeout_ms: 120_000, ack_ratio: 0.95 },
        cooldown: { after_flip_ms: 600_000, after_rollback_ms: 3_600_000 },
        cohort: { steps: [1, 5, 10, 25, 50, 100], soak_ms: 1_800_000 },
      },
      environment: { packages, commit: 'c0ffee', module_schema: 'sha256:module' },
    });
    expect(plan.effects.map((effect) => effect.id)).toEqual([
      ...['stage', 'lanes', 'shadow', 'share', 'policy', 'acknowledgements', 'cooldown'],
    ]);
    expect(plan.requirements.map((each) => each.id)).toEqual([
      ...['order', 'holds', 'cooldown', 'target', 'binding', 'reverse-path'],
      ...['gate:parity-null', 'gate:parity'],
      'gate:replay-determinism:@autopilot/apply-engine',
      'gate:replay-determinism:@autopilot/checkpoint',
      'gate:duplicate-delivery:@autopilot/apply-engine',
      'gate:duplicate-delivery:@autopilot/checkpoint',
      'gate:stale-cursor-recovery:@autopilot/session',
      'gate:token-refresh:@autopilot/session',
      'gate:bridge-isolation:@autopilot/nostr-bridge',
      'gate:lane-conformance:@autopilot/legacy-lane',
      'gate:rulebook:@autopilot/cutover-flags',
      'gate:router-handover:@autopilot/desktop',
    ]);
    expect(find(cutover, 1, 'gate:parity')).toMatchObject({
      status: 'met',
      age_ms: 60_000,
      wanted: {
        max_age_ms: 86_400_000,
        min_events: 50_000,
        measures: [
          { measure: 'match_ratio', at_least: 0.9999 },
          { measure: 'left_out_share', at_most: 0.01 },
          { measure: 'covered_ms', at_least: 77_760_000, at_most: null },
        ],
      },
      evidence: [expect.stringMatching(/^sha256:/)],
    });
  });

  test('G7 says what is missing and what to do next', () => {
    const cutover = new Cutover();
    cutover.evidence = { receipts: [{}, ...receipts(cutover.now, 'parity')] };
    const plan = cutover.plan(1);
    expect(plan.ready).toBe(false);
    expect(plan.next_steps).toContain('gate:parity-null: Run the gate parity-null and submit its receipt.');
    expect(find(cutover, 1, 'gate:parity-null')?.seen).toBe(
      'There is no receipt. Receipts that are not believed: 1 receipt_malformed.',
    );
  });

  test('G7 of a way back needs nothing, and of an impossible one says why', () => {
    const cutover = Cutover.at(2);
    cutover.evidence = { receipts: [] };
    cutover.facts = { target: null, khala: null };
    expect(cutover.plan(0)).toMatchObject({ ready: true, direction: 'back', approvals_needed: 0 });
    expect(new Cutover().plan(3)).toMatchObject({ ready: false });
    expect(find(new Cutover(), 3, 'order')).toMatchObject({ status: 'failed', seen: 'After Stage 0 comes Stage 1.' });
    expect(new Cutover().plan(0)).toMatchObject({ ready: false, direction: 'none', effects: [] });
    expect(new Cutover().plan({ percent: 1 })).toMatchObject({ ready: false, approvals_needed: 0 });
    expect(
      Cutover.at(1)
        .plan({ percent: 5 })
        .effects.map((effect) => effect.id),
    ).toEqual([...['share', 'sticky', 'policy', 'cooldown']]);
  });

  test('G7 has a digest that anybody can compute, that time does not change, and every other thing does', () => {
    const cutover = new Cutover();
    const plan = cutover.plan(1);
    const { digest, ...rest } = JSON.parse(JSON.stringify(plan));
    expect(planDigest(rest)).toBe(digest);
    cutover.later(60_000);
    cutover.evidence = { receipts: receipts(cutover.now - 60_000) };
    expect(cutover.plan(1)).toMatchObject({ digest, at: plan.at + 60_000 });
    const { state, config } = new Cutover();
    const changes: Partial<Cutover>[] = [
      { facts: { target: null } },
      { evidence: { receipts: [] } },
      { evidence: { commit: 'other' } },
      { evidence: { packages: { ...packages, '@autopilot/session': '0.3.1' } } },
      { config: { ...config, approvals: 3 } },
      { state: { ...state, cohort: { ...state.cohort, cap: 7 } } },
      { state: { ...state, deployment: 'other' } },
    ];
    const digests = changes.map((change) => Object.assign(new Cutover(), change).plan(1).digest);
    expect(new Set([digest, ...digests]).size).toBe(changes.length + 1);
  });
});

describe('the gates of a plan', () => {
  test('G4 bridge isolation is asked for exactly when the bridge is in use', () => {
    const cutover = new Cutover();
    const without = cutover.currentEvidence().receipts.filter((_, at) => at !== 4);
    cutover.evidence = { receipts: without };
    expect(find(cutover, 1, 'gate:bridge-isolation')).toMatchObject({ status: 'missing' });
    expect(cutover.plan(1).ready).toBe(false);
    const { '@autopilot/nostr-bridge': _, ...others } = packages;
    cutover.evidence = { receipts: without, packages: others };
    expect(find(cutover, 1, 'gate:bridge-isolation')).toMatchObject({
      status: 'not-applicable',
      seen: '@autopilot/nostr-bridge is not among the packages in use.',
    });
    expect(cutover.plan(1).ready).toBe(true);
  });

  test('G4 any other package that is not in use is missing, never passed over', () => {
    const cutover = new Cutover();
    const { '@autopilot/session': _, ...others } = packages;
    cutover.evidence = { packages: others };
    expect(find(cutover, 1, 'gate:token-refresh')).toMatchObject({ status: 'missing' });
  });

  test('G5 the newest receipt decides: a later failure is not hidden by an earlier pass, nor the other way', () => {
    const cutover = new Cutover();
    const { now } = cutover;
    const failed = createReceipt(observation('parity', now + 1, { verdict: 'fail', reason: 'Diverged.' }), ciKey);
    for (const list of [
      [failed, ...receipts(now)],
      [...receipts(now), failed],
    ]) {
      cutover.evidence = { receipts: list };
      expect(find(cutover, 1, 'gate:parity')).toMatchObject({ status: 'failed', seen: 'Diverged.' });
    }
    const repaired = createReceipt(observation('parity', now + 2), ciKey);
    cutover.evidence = { receipts: [failed, repaired, ...receipts(now)] };
    expect(find(cutover, 1, 'gate:parity')).toMatchObject({ status: 'met' });
  });

  test('G5 a newer receipt of versions that are not in use decides nothing', () => {
    const cutover = new Cutover();
    const { now } = cutover;
    const environment = {
      ...observation('token-refresh', now).environment,
      packages: { '@autopilot/session': '0.4.0' },
    };
    const next = createReceipt(observation('token-refresh', now + 1, { environment, verdict: 'fail' }), ciKey);
    cutover.evidence = { receipts: [...receipts(now), next] };
    expect(find(cutover, 1, 'gate:token-refresh')).toMatchObject({ status: 'met' });
    cutover.evidence = { receipts: [next] };
    expect(find(cutover, 1, 'gate:token-refresh')).toMatchObject({
      status: 'inconclusive',
      seen: 'It ran @autopilot/session@0.4.0; 0.3.0 is in use.',
    });
  });

  test('G2 a receipt or a key that changed after it was believed once is not believed again', () => {
    const cutover = new Cutover();
    const [good] = receipts(cutover.now, 'parity');
    const envelope = structuredClone(good) as { payload: string };
    const keys = structuredClone(trustedKeys) as unknown as { gates: string[] }[];
    cutover.evidence = { receipts: [envelope], trusted_keys: keys as never };
    expect(find(cutover, 1, 'gate:parity')).toMatchObject({ status: 'met' });
    const { payload } = envelope;
    envelope.payload = createReceipt(observation('parity', cutover.now, { reason: 'Other.' }), ciKey).payload;
    expect(find(cutover, 1, 'gate:parity')).toMatchObject({ status: 'missing' });
    envelope.payload = payload;
    expect(find(cutover, 1, 'gate:parity')).toMatchObject({ status: 'met' });
    for (const key of keys) key.gates = [];
    expect(find(cutover, 1, 'gate:parity')).toMatchObject({ status: 'missing' });
  });

  test('G5 each package needs a receipt of its own', () => {
    const cutover = new Cutover();
    const { now } = cutover;
    const environment = { ...observation('parity', now).environment, packages: { '@autopilot/checkpoint': '0.2.0' } };
    const half = createReceipt(observation('replay-determinism', now, { environment }), ciKey);
    cutover.evidence = { receipts: [...receipts(now).slice(1), half] };
    const { requirements } = cutover.plan(1);
    const statuses = requirements.filter((each) => each.id.startsWith('gate:replay')).map((each) => each.status);
    expect(statuses).toEqual(['missing', 'met']);
  });

  test.each([
    ['not probed', null, 'missing'],
    ['failed', { ok: false, module_schema: 'sha256:module', protocols: ['p'] }, 'failed'],
    ['without a protocol', { ok: true, module_schema: 'sha256:module', protocols: [] }, 'inconclusive'],
    ['of an unknown module', { ok: true, module_schema: null, protocols: ['p'] }, 'inconclusive'],
    ['of another module', { ok: true, module_schema: 'sha256:other', protocols: ['p'] }, 'failed'],
  ])('G3 a binding probe that is %s', (_name, binding, status) => {
    const cutover = new Cutover();
    cutover.facts = { binding };
    expect(find(cutover, 1, 'binding')).toMatchObject({ status });
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 1 })).toBe('plan_not_ready');
  });

  test.each([
    ['not counted', null, 'missing'],
    ['NaN', { since: 0, uses: Number.NaN, units: 1 }, 'missing'],
    ['used by nobody, for nobody reports', { since: 0, uses: 0, units: 0 }, 'missing'],
    ['in use', { since: 0, uses: 1, units: 1 }, 'failed'],
  ])('M15 Stage 3 while the fallback is %s', (_name, fallback, status) => {
    const cutover = Cutover.at(2);
    cutover.releases();
    cutover.later(hour);
    cutover.facts = { fallback };
    expect(find(cutover, 3, 'no-fallback')).toMatchObject({ status });
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 3 })).toBe('plan_not_ready');
  });
});
