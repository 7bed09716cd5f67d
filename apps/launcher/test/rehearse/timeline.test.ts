import { expect, test } from '@jest/globals';
import { eventsByStage } from '../../src/rehearse/report.ts';
import { createTimeline } from '../../src/rehearse/timeline.ts';

const sample = { percent: 0, lag: 0, units: 2, on_spacetime: 0 };

test('phases have the events between their ends and the stage that they were in, and are added up by it', () => {
  let now = 0;
  const timeline = createTimeline(
    () => {},
    () => now,
  );
  const step = (stage: number | null, published: number, applied: number) => {
    now += 2_000;
    timeline.sample({ ...sample, stage, published, applied });
  };
  timeline.begin('start');
  step(0, 10, 100);
  timeline.begin('waiting');
  step(0, 15, 150);
  timeline.begin('flip');
  step(1, 40, 390);
  timeline.begin('cohorts');
  step(null, 41, 400);
  timeline.begin('unknown');
  step(1, 50, 500);
  now += 500;
  timeline.end();
  expect(timeline.phases).toEqual([
    { name: 'start', from: 0, to: 2, stage: '0', published: 10, applied: 100 },
    { name: 'waiting', from: 2, to: 4, stage: '0', published: 5, applied: 50 },
    { name: 'flip', from: 4, to: 6, stage: '0 to 1', published: 25, applied: 240 },
    { name: 'cohorts', from: 6, to: 8, stage: null, published: 1, applied: 10 },
    { name: 'unknown', from: 8, to: 10.5, stage: null, published: 9, applied: 100 },
  ]);
  expect(eventsByStage(timeline.phases)).toEqual([
    { stage: '0', seconds: 4, published: 15, applied: 150 },
    { stage: '0 to 1', seconds: 2, published: 25, applied: 240 },
    { stage: 'not known', seconds: 4.5, published: 10, applied: 110 },
  ]);
});

test('a rate is of a second at least', () => {
  let now = 0;
  const timeline = createTimeline(
    () => {},
    () => now,
  );
  for (const [at, applied] of [
    [0, 0],
    [2_000, 100],
    [2_100, 142],
    [4_000, 600],
  ] as const) {
    now = at;
    timeline.sample({ ...sample, stage: 0, published: 0, applied });
  }
  expect(timeline.samples.map(({ rate }) => rate)).toEqual([null, 50, 68, 241]);
});
