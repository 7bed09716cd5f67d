import { describe, expect, test } from '@jest/globals';
import { type CutoverState, nextDue, parsePolicy, policyOf } from '../../src/index.ts';
import { Cutover, hour, minute } from '../support/cutover.ts';

describe('the whole way', () => {
  test('M1 M2 M6 M16 from Stage 0 to the seal, one step after the other, and then nothing any more', () => {
    const cutover = Cutover.at(3);
    expect(cutover.state).toMatchObject({ stage: 3, status: 'idle', cohort: { percent: 100, salt: 'salt' } });
    cutover.later(hour);
    cutover.do({ type: 'seal', id: cutover.approved('sealed') });
    expect(cutover.state).toMatchObject({ stage: 3, status: 'sealed' });
    expect(policyOf(cutover.state)).toMatchObject({ stage: 3, sealed: true, shadow_sample: 0 });
    expect(cutover.refused({ type: 'rollback', target: { kind: 'stage', stage: 2, percent: null }, drain: true })).toBe(
      'sealed',
    );
    expect(cutover.events.map((event) => event.event).filter((name) => name !== 'cohort_changed')).toEqual([
      ...['flip_requested', 'flip_approved', 'flip_approved', 'flip_ready', 'flip_started', 'flip_done'],
      ...['flip_requested', 'flip_approved', 'flip_approved', 'flip_ready', 'flip_started', 'flip_done'],
      ...['release_counted', 'release_counted'],
      ...['flip_requested', 'flip_approved', 'flip_approved', 'flip_ready', 'flip_started', 'flip_done'],
      ...['flip_requested', 'flip_approved', 'flip_approved', 'flip_ready', 'sealed'],
    ]);
  });

  test('M16 what is published is a valid policy at every stage, and names the revision of its last change', () => {
    for (const stage of [0, 1, 2, 3] as const) {
      const cutover = Cutover.at(stage);
      const policy = policyOf(cutover.state);
      expect(parsePolicy(JSON.parse(JSON.stringify(policy)))).toMatchObject({ stage, revision: policy.revision });
      expect(policy.revision).toBeLessThanOrEqual(cutover.state.revision);
    }
  });

  test('M16 approvals change nothing that units see; publishing does', () => {
    const cutover = new Cutover();
    const before = policyOf(cutover.state);
    const id = cutover.approved(1);
    expect(policyOf(cutover.state)).toEqual(before);
    cutover.do({ type: 'advance', id, drain: true });
    expect(policyOf(cutover.state)).toMatchObject({ stage: 1, drain: true, revision: cutover.state.revision });
    expect(cutover.state.flip?.publication?.policy_revision).toBe(cutover.state.policy_revision);
  });

  test('M1 back from 2 to 1 and up again needs the cohorts again', () => {
    const cutover = Cutover.at(2);
    cutover.do({ type: 'rollback', target: { kind: 'stage', stage: 1, percent: null }, drain: true });
    expect(cutover.state).toMatchObject({ stage: 1, cohort: { percent: 0, salt: 'salt' }, drain: true });
    cutover.later(2 * hour);
    expect(cutover.refused({ type: 'propose', id: 'again', to: 2 })).toBe('plan_not_ready');
    cutover.grow(100);
    cutover.flip(2);
    expect(cutover.state.stage).toBe(2);
  });
});

describe('the saga of a flip', () => {
  function flipping(): Cutover {
    const cutover = new Cutover();
    cutover.do({ type: 'advance', id: cutover.approved(1), drain: false });
    return cutover;
  }

  test('M8 too few acknowledgements: it waits, and is undone at its time', () => {
    const cutover = flipping();
    const before = cutover.state.policy_revision;
    expect(cutover.state).toMatchObject({ status: 'flipping', stage: 1 });
    cutover.do({ type: 'acknowledge', expected: 100, acknowledged: 94 });
    expect(cutover.state.status).toBe('flipping');
    expect(cutover.refused({ type: 'timeout' })).toBe('not_due');
    const due = nextDue(cutover.state, cutover.config);
    expect(due).toBe(cutover.now + 2 * minute);
    cutover.now = due ?? Number.NaN;
    const { events } = cutover.do({ type: 'timeout' }, 'control');
    expect(events).toMatchObject([
      {
        event: 'flip_undone',
        loud: true,
        from: { stage: 1 },
        to: { stage: 0 },
        reason: expect.stringContaining('94 of 100'),
      },
    ]);
    expect(cutover.state).toMatchObject({ status: 'idle', stage: 0, flip: null, last_flip: { outcome: 'undone' } });
    expect(cutover.state.policy_revision).toBeGreaterThan(before);
    // M11: and not again at once.
    expect(cutover.refused({ type: 'propose', id: 'again', to: 1 })).toBe('cooling_down');
  });

  test.each([
    ['nobody told', null],
    ['nobody expected', { expected: 0, acknowledged: 0 }],
  ])('M8 %s is not enough', (_name, acknowledged) => {
    const cutover = flipping();
    if (acknowledged !== null) cutover.do({ type: 'acknowledge', ...acknowledged });
    cutover.later(2 * minute);
    cutover.do({ type: 'timeout' });
    expect(cutover.state).toMatchObject({ stage: 0, last_flip: { outcome: 'undone' } });
  });

  test('M8 enough acknowledgements end it at once', () => {
    const cutover = flipping();
    cutover.do({ type: 'acknowledge', expected: 100, acknowledged: 95 });
    expect(cutover.state).toMatchObject({ status: 'idle', stage: 1, last_flip: { outcome: 'done' } });
  });

  test('M8 an undone flip to 3 keeps the releases that were counted', () => {
    const cutover = Cutover.at(2);
    cutover.releases();
    cutover.do({ type: 'advance', id: cutover.approved(3), drain: false });
    cutover.later(2 * minute).do({ type: 'timeout' });
    expect(cutover.state).toMatchObject({ stage: 2, release_cycles: { at_zero: 2 }, cohort: { percent: 100 } });
  });

  test('M8 a crash anywhere: the state that was stored goes on to the same end', () => {
    const cutover = flipping();
    const stored: CutoverState = JSON.parse(JSON.stringify(cutover.state));
    const other = flipping();
    other.state = stored;
    for (const each of [cutover, other]) each.do({ type: 'acknowledge', expected: 10, acknowledged: 10 });
    expect(other.state).toEqual(cutover.state);
  });

  test('M8 a rollback ends it', () => {
    const cutover = flipping();
    expect(
      cutover.refused({
        type: 'rollback',
        target: { kind: 'units', units: ['u'], until: cutover.now + 1 },
        drain: true,
      }),
    ).toBe('not_now');
    cutover.do({ type: 'rollback', target: { kind: 'stage', stage: 0, percent: null }, drain: true });
    expect(cutover.state).toMatchObject({ stage: 0, status: 'idle', last_flip: { outcome: 'rolled_back' } });
  });

  test('M8 a request that nobody carries out is over after its time', () => {
    const cutover = new Cutover();
    cutover.do({ type: 'propose', id: 'slow', to: 1 });
    cutover.now = nextDue(cutover.state, cutover.config) ?? Number.NaN;
    cutover.do({ type: 'timeout' });
    expect(cutover.state).toMatchObject({ status: 'idle', flip: null, last_flip: { outcome: 'expired' } });
  });
});
