import { describe, expect, test } from '@jest/globals';
import { defaultCutoverConfig, policyOf } from '../../src/index.ts';
import { Cutover, hour, minute } from '../support/cutover.ts';

const observe = (signals: Record<string, number | null>) => ({ type: 'observe', signals }) as const;

/** In Stage 1 with a tenth of the units over. */
function grown(): Cutover {
  const cutover = Cutover.at(1);
  cutover.grow(10);
  return cutover;
}

describe('triggers', () => {
  test('M14 the condition has to hold for its time, then the share goes to zero, loudly, and is held', () => {
    const cutover = grown();
    cutover.do(observe({ stale_cursors: 51 }), 'control');
    cutover.later(10 * minute - 1).do(observe({ stale_cursors: 51 }), 'control');
    expect(cutover.state.cohort.percent).toBe(10);
    const { events } = cutover.later(1).do(observe({ stale_cursors: 51 }), 'control');
    expect(events).toMatchObject([
      { event: 'rolled_back_by_trigger', actor: 'control', loud: true, from: { percent: 10 }, to: { percent: 0 } },
    ]);
    expect(events[0]?.reason).toBe('More than 50 cursors were stale.');
    expect(policyOf(cutover.state)).toMatchObject({ drain: true, cohort: { percent: 0, salt: 'salt' } });
    cutover.later(2 * hour);
    const step = {
      type: 'set_cohort',
      change: { percent: 1, cap: null, include: null, exclude: null },
      drain: false,
    } as const;
    expect(cutover.refused(step)).toBe('held');
    cutover.do({ type: 'release_hold', trigger: 'stale-cursors' });
    cutover.do(step);
  });

  test('M14 a value about the limit neither starts the time again nor acts twice', () => {
    const cutover = grown();
    cutover.do(observe({ stale_cursors: 51 }));
    // 45 is between the limit and what is clear: it is still bad.
    cutover.later(5 * minute).do(observe({ stale_cursors: 45 }));
    cutover.later(5 * minute).do(observe({ stale_cursors: 51 }));
    expect(cutover.state.cohort.percent).toBe(0);
    const { length } = cutover.events;
    for (const stale_cursors of [45, 51, 60]) cutover.later(10 * minute).do(observe({ stale_cursors }));
    expect(cutover.events).toHaveLength(length);
  });

  test('M14 what is good in between starts the time again', () => {
    const cutover = grown();
    cutover.do(observe({ stale_cursors: 51 }));
    cutover.later(9 * minute).do(observe({ stale_cursors: 40 }));
    cutover.later(2 * minute).do(observe({ stale_cursors: 51 }));
    expect(cutover.state.cohort.percent).toBe(10);
  });

  test.each([
    ['null', { stale_cursors: null }],
    ['missing', {}],
    ['NaN', { stale_cursors: Number.NaN }],
  ])('M14 a signal that is %s neither acts nor clears', (_name, signals) => {
    const cutover = grown();
    cutover.do(observe({ stale_cursors: 51 }));
    cutover.later(20 * minute).do(observe(signals as Record<string, number>));
    expect(cutover.state.cohort.percent).toBe(10);
    cutover.do(observe({ stale_cursors: 51 }));
    expect(cutover.state.cohort.percent).toBe(0);
  });

  test('M14 nobody has looked at the first rollback: a second one only holds', () => {
    const cutover = grown();
    const bad = { stale_cursors: 51, reconnects_per_second: 2 };
    cutover.do(observe(bad));
    cutover.later(10 * minute).do(observe(bad));
    expect(cutover.state.holds.filter((hold) => hold.needs_release)).toHaveLength(1);
    expect(cutover.state.holds).toHaveLength(2);
  });

  test('M14 a hold of itself ends when the trigger has been clear for long enough', () => {
    const cutover = grown();
    cutover.do(observe({ lag_events_p95: 251 }));
    cutover.later(10 * minute).do(observe({ lag_events_p95: 251 }));
    expect(cutover.state).toMatchObject({
      holds: [{ trigger: 'replay-lag-high', needs_release: false }],
      cohort: { percent: 10 },
    });
    cutover.later(minute).do(observe({ lag_events_p95: 10 }));
    cutover.later(10 * minute - 1).do(observe({ lag_events_p95: 10 }));
    expect(cutover.state.holds).toHaveLength(1);
    cutover.later(1).do(observe({ lag_events_p95: 10 }));
    expect(cutover.state.holds).toEqual([]);
  });

  test('M14 a flip under way is taken back with it', () => {
    const config = {
      ...defaultCutoverConfig,
      triggers: defaultCutoverConfig.triggers.map((each) => ({
        ...each,
        for_ms: 0,
        stage_2: 'rollback-stage' as const,
      })),
    };
    const cutover = Cutover.at(1);
    cutover.grow(100);
    cutover.config = config;
    cutover.do({ type: 'advance', id: cutover.approved(2), drain: false });
    const { events } = cutover.do(observe({ reconnects_per_second: 2 }), 'control');
    expect(events).toMatchObject([{ event: 'rolled_back_by_trigger', from: { stage: 2 }, to: { stage: 1 } }]);
    expect(cutover.state).toMatchObject({
      status: 'idle',
      stage: 1,
      flip: null,
      last_flip: { outcome: 'rolled_back' },
    });
  });

  test('M14 in Stage 2 the defaults hold and do not go back by themselves', () => {
    const cutover = Cutover.at(2);
    cutover.do(observe({ lag_events_max: 20_000 }));
    cutover.later(minute).do(observe({ lag_events_max: 20_000 }));
    expect(cutover.state).toMatchObject({
      stage: 2,
      holds: [{ trigger: 'replay-lag-critical', needs_release: false }],
    });
  });

  test('M14 nothing acts in Stage 0, and an observation without news makes no revision', () => {
    const everything = Object.fromEntries(
      defaultCutoverConfig.triggers.flatMap((each) =>
        each.clauses.map((clause) => [clause.signal, clause.above === null ? 0 : 1e9]),
      ),
    );
    const cutover = new Cutover();
    expect(cutover.do(observe(everything)).revision).toBe(1);
    const on = grown();
    on.do(observe({ stale_cursors: 51 }));
    const { revision } = on.state;
    on.later(minute).do(observe({ stale_cursors: 52 }));
    expect(on.state.revision).toBe(revision);
  });

  test('M14 every default trigger can be made to act', () => {
    for (const trigger of defaultCutoverConfig.triggers) {
      const cutover = trigger.stage_1 === 'none' ? Cutover.at(2) : grown();
      const signals = Object.fromEntries(
        trigger.clauses.map(({ signal, above, below }) => [signal, above === null ? (below ?? 0) / 2 : above * 2 + 1]),
      );
      const counted =
        trigger.samples === null ? signals : { ...signals, [trigger.samples.signal]: trigger.samples.at_least };
      cutover.do(observe(counted));
      cutover.later(trigger.for_ms).do(observe(counted));
      expect([trigger.id, cutover.state.triggers[trigger.id]?.fired]).toEqual([trigger.id, true]);
    }
  });

  test('M14 too few comparisons are no mismatch', () => {
    const cutover = grown();
    cutover.do(observe({ parity_sigma_over_noise: 9, parity_comparisons: 49 }));
    expect(cutover.state.cohort.percent).toBe(10);
    cutover.do(observe({ parity_sigma_over_noise: 9, parity_comparisons: 50 }));
    expect(cutover.state.cohort.percent).toBe(0);
  });

  test('M14 lag that is high but does not rise is not sustained', () => {
    const cutover = grown();
    for (const wait of [0, 10 * minute])
      cutover.later(wait).do(observe({ lag_seconds_p99: 5, lag_seconds_slope: -0.1 }));
    expect(cutover.state.cohort.percent).toBe(10);
    for (const wait of [0, 10 * minute])
      cutover.later(wait).do(observe({ lag_seconds_p99: 5, lag_seconds_slope: 0.1 }));
    expect(cutover.state.cohort.percent).toBe(0);
  });
});
