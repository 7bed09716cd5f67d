import { describe, expect, test } from '@jest/globals';
import { policyOf } from '../../src/index.ts';
import { Cutover, day, hour } from '../support/cutover.ts';

const emergency = (now: number, ms = hour) => ({ incident: 'INC-7', operator: 'olga', expires_at: now + ms });

describe('forcing a flip', () => {
  const force = (cutover: Cutover, to: 1 | 2 | 3, ms?: number) =>
    ({ type: 'emergency_force', id: 'force', to, drain: true, ...emergency(cutover.now, ms) }) as const;

  test('M13 it goes one step without approvals, loudly, and leaves a waiver that names what was skipped', () => {
    const cutover = new Cutover();
    cutover.evidence = { receipts: [] };
    const { events } = cutover.do(force(cutover, 1));
    expect(cutover.state).toMatchObject({ stage: 1, status: 'idle', last_flip: { outcome: 'forced' } });
    expect(events).toMatchObject([{ event: 'flip_forced', loud: true, data: { incident: 'INC-7', operator: 'olga' } }]);
    const [waiver] = cutover.state.waivers;
    expect(waiver).toMatchObject({ kind: 'emergency', owner: 'olga', by: 'alice', expires_at: cutover.now + hour });
    expect(waiver?.skipped).toEqual(expect.arrayContaining(['gate:parity', 'gate:parity-null', 'approvals']));
  });

  test('M13 it is bounded: not further than one step, not to 3, not for long, not into the past', () => {
    const cutover = new Cutover();
    expect(cutover.refused(force(cutover, 2))).toBe('stage_skipped');
    expect(cutover.refused(force(cutover, 1, day + 1))).toBe('too_long');
    expect(cutover.refused(force(cutover, 1, 0))).toBe('invalid_command');
    const late = Cutover.at(2);
    expect(late.refused(force(late, 3))).toBe('wrong_stage');
    expect(late.refused(force(late, 1))).toBe('not_now');
  });

  test('M13 a request that waits is over', () => {
    const cutover = new Cutover();
    cutover.do({ type: 'propose', id: 'slow', to: 1 });
    expect(cutover.do(force(cutover, 1)).events.map((event) => event.event)).toEqual(['flip_withdrawn', 'flip_forced']);
    expect(cutover.state.flip).toBeNull();
  });

  test('M13 it blocks the way on until somebody else has cleared it', () => {
    const cutover = new Cutover();
    cutover.do(force(cutover, 1));
    cutover.grow(100);
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 2 })).toBe('plan_not_ready');
    const clear = { type: 'emergency_clear', id: 'forced:force' } as const;
    expect(cutover.refused(clear, 'alice')).toBe('second_person');
    expect(cutover.refused(clear, 'olga')).toBe('second_person');
    expect(cutover.refused({ ...clear, id: 'other' }, 'bob')).toBe('unknown_id');
    cutover.do(clear, 'bob');
    cutover.do({ type: 'propose', id: 'flip', to: 2 });
  });
});

describe('the fallback of Stage 2', () => {
  test('M13 it is published for a time, blocks Stage 3, and starts the count of releases anew', () => {
    const cutover = Cutover.at(2);
    cutover.releases();
    const start = { type: 'fallback_start', ...emergency(cutover.now), units: ['desk-1'] } as const;
    cutover.do(start);
    expect(policyOf(cutover.state)).toMatchObject({ drain: true, fallback: { incident: 'INC-7', units: ['desk-1'] } });
    expect(cutover.refused(start)).toBe('not_now');
    expect(cutover.state.release_cycles.at_zero).toBe(0);
    const clear = { type: 'emergency_clear', id: cutover.state.waivers[0]?.id ?? '' } as const;
    expect(cutover.refused(clear, 'bob')).toBe('not_now');
    cutover.later(hour);
    expect(cutover.do({ type: 'timeout' }, 'control').events).toMatchObject([
      { event: 'fallback_expired', loud: true },
    ]);
    expect(policyOf(cutover.state).fallback).toBeNull();
    cutover.releases();
    expect(
      cutover
        .plan(3)
        .requirements.filter((each) => each.status === 'failed')
        .map((each) => each.id),
    ).toEqual(['no-emergency']);
    cutover.do(clear, 'bob');
    expect(cutover.plan(3).ready).toBe(true);
  });

  test('M13 it is ended by hand, and by going back', () => {
    const cutover = Cutover.at(2);
    expect(cutover.refused({ type: 'fallback_end' })).toBe('unknown_id');
    cutover.do({ type: 'fallback_start', ...emergency(cutover.now), units: 'all' });
    cutover.do({ type: 'fallback_end' });
    expect(cutover.state.fallback).toBeNull();
    cutover.do({ type: 'fallback_start', ...emergency(cutover.now), units: 'all' });
    cutover.do({ type: 'rollback', target: { kind: 'stage', stage: 1, percent: null }, drain: true });
    expect(cutover.state).toMatchObject({ stage: 1, fallback: null });
  });

  test.each([0, 1, 3] as const)('M13 there is none in Stage %i', (stage) => {
    const cutover = Cutover.at(stage);
    expect(cutover.refused({ type: 'fallback_start', ...emergency(cutover.now), units: 'all' })).toBe('wrong_stage');
  });

  test('M13 nobody is in the fallback for longer than the configuration allows', () => {
    const cutover = Cutover.at(2);
    expect(cutover.refused({ type: 'fallback_start', ...emergency(cutover.now, day + 1), units: 'all' })).toBe(
      'too_long',
    );
  });
});

describe('rolling cohorts back', () => {
  test('M12 to a smaller share, never to a larger one, and no unit is dealt again', () => {
    const cutover = Cutover.at(1);
    cutover.grow(10);
    const back = (percent: number) => ({ type: 'rollback', target: { kind: 'cohort', percent }, drain: true }) as const;
    expect(cutover.refused(back(10))).toBe('invalid_command');
    expect(cutover.refused({ type: 'rollback', target: { kind: 'stage', stage: 0, percent: 1 }, drain: true })).toBe(
      'invalid_command',
    );
    cutover.do(back(3));
    expect(cutover.state.cohort).toMatchObject({ percent: 3, salt: 'salt' });
    cutover.later(2 * hour);
    cutover.do({ type: 'set_cohort', change: { percent: 5, cap: null, include: null, exclude: null }, drain: false });
  });

  test('M12 of single units, for a time; ones whose time is up make room', () => {
    const cutover = Cutover.at(1);
    const units = (names: string[], ms: number) =>
      ({ type: 'rollback', target: { kind: 'units', units: names, until: cutover.now + ms }, drain: true }) as const;
    cutover.do(units(['a', 'b'], hour));
    cutover.do(units(['b'], 3 * hour));
    cutover.later(2 * hour);
    cutover.do(units(['c'], hour));
    expect(cutover.state.cohort.exclude.map((entry) => entry.unit)).toEqual(['b', 'c']);
    expect(cutover.refused(units(['d'], 0))).toBe('invalid_command');
    expect(Cutover.at(0).refused(units(['d'], 5))).toBe('wrong_stage');
  });
});

describe('waivers', () => {
  const waive = (cutover: Cutover, gate: 'rulebook' | 'parity', ms: number) =>
    ({ type: 'waive', id: 'w1', gate, owner: 'dave', expires_at: cutover.now + ms }) as const;

  test('G6 one with an owner and a time stands in for its gate, and is shown', () => {
    const cutover = new Cutover();
    cutover.evidence = { receipts: cutover.currentEvidence().receipts.filter((_, at) => at !== 9) };
    expect(cutover.plan(1).ready).toBe(false);
    cutover.do(waive(cutover, 'rulebook', 14 * day));
    const { requirements, ready } = cutover.plan(1);
    expect(ready).toBe(true);
    expect(requirements.find((each) => each.id.startsWith('gate:rulebook'))).toMatchObject({
      status: 'waived',
      waiver: 'w1',
      seen: expect.stringContaining('dave'),
    });
  });

  test('G6 not for longer than 14 days, not twice, and not for the gates on traffic', () => {
    const cutover = new Cutover();
    expect(cutover.refused(waive(cutover, 'rulebook', 14 * day + 1))).toBe('too_long');
    expect(cutover.refused(waive(cutover, 'rulebook', 0))).toBe('invalid_command');
    expect(cutover.refused(waive(cutover, 'parity', hour))).toBe('not_waivable');
    cutover.do(waive(cutover, 'rulebook', hour));
    expect(cutover.refused(waive(cutover, 'rulebook', hour))).toBe('invalid_command');
  });

  test('G6 an expired one waives nothing, shows as overdue and blocks Stage 3 until it is ended', () => {
    const cutover = Cutover.at(2);
    cutover.do(waive(cutover, 'rulebook', hour));
    cutover.releases();
    const evidence = cutover.currentEvidence().receipts.filter((_, at) => at !== 9);
    cutover.evidence = { receipts: evidence };
    const plan = cutover.plan(3);
    const find = (id: string) => plan.requirements.find((each) => each.id.startsWith(id));
    expect(find('gate:rulebook')?.status).toBe('missing');
    expect(find('no-waiver')).toMatchObject({ status: 'failed', seen: 'w1 (overdue)' });
    cutover.evidence = {};
    expect(cutover.refused({ type: 'propose', id: 'flip', to: 3 })).toBe('plan_not_ready');
    cutover.do({ type: 'waive_end', id: 'w1' });
    expect(cutover.refused({ type: 'waive_end', id: 'w1' })).toBe('unknown_id');
    cutover.do({ type: 'propose', id: 'flip', to: 3 });
  });
});
