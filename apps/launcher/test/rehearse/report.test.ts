import { describe, expect, test } from '@jest/globals';
import { describeReport, type Report, summaryOf } from '../../src/rehearse/report.ts';
import { reportPage } from '../../src/rehearse/report-page.ts';
import { createTimeline } from '../../src/rehearse/timeline.ts';

function reportOf(over: Partial<Report> = {}): Report {
  let now = 0;
  const lines: string[] = [];
  const timeline = createTimeline(
    (text) => lines.push(text),
    () => now,
  );
  timeline.begin('Stage 0');
  for (const [applied, lag] of [
    [0, 5],
    [100, null],
    [300, 0],
  ] as const) {
    timeline.sample({ stage: 0, percent: 0, published: applied, applied, lag, units: 2, on_spacetime: 0 });
    now += 1000;
  }
  timeline.mark('fault', 'all <sockets> cut');
  timeline.check('it holds', true, 'seen');
  const { checks, marks, phases, samples } = timeline;
  return {
    ...{ form: 'autopilot.cutover-rehearsal.v1', ok: true, stopped_by: null, began: '2026-11-22', seconds: 3, seed: 1 },
    ...{ quick: true, commit: null, packages: {}, differences: [], publisher_repeated: 0 },
    ...{ parity: null, audit_records: 3, policies: 2, peak_applied_per_second: 200, checks, marks, phases, samples },
    crossings: [],
    scale: {
      ...{ desktops: 1, processes: 1, events: 10, streams: 1, clockRate: 1, cohortSteps: [100], heartbeatMs: 1 },
      defects: [],
      ...{ eventsPerSecond: 1, burstShare: 0.1, lastShare: 0.1 },
    },
    handovers: { done: 1, failed: 0, longest_ms: 4 },
    measurement: {
      ...{ units: 2, streams: 1, published: 10, applied: 20, lost: 0, repeated: 0, unequal_chains: 0, faults: [] },
    },
    ...over,
  };
}

describe('the report', () => {
  test('has rates from the samples, and escapes what it shows', () => {
    const report = reportOf();
    expect(report.samples.map(({ rate }) => rate)).toEqual([null, 100, 200]);
    const page = reportPage(report);
    expect(page).toContain('all &lt;sockets&gt; cut');
    expect(page).not.toContain('<sockets>');
    expect(page).toMatch(/<svg[\s\S]*all {1,2}sockets/);
    expect(page).toContain('Everything held');
    expect(page).not.toContain('NaN');
  });

  test('says how many events flowed in each stage, in each phase and across each change', () => {
    const phase = { name: 'Stage 0 to 1', from: 0, to: 4, stage: '0 to 1', published: 77, applied: 1_540 };
    const crossing = { name: '1. the flip', at: 1, seconds: 2, published: 66, streams: 8, least: 5, units: 12 };
    const report = reportOf({ phases: [phase], crossings: [{ ...crossing, applied: 792 }] });
    const page = reportPage(report);
    const row = (...cells: string[]) =>
      new RegExp(cells.map((cell) => `<td[^>]*>${cell.replaceAll('.', '\\.')}</td>`).join(''));
    expect(page).toMatch(row('0 to 1', '4.0 s', '77', '1,540', '385'));
    expect(page).toMatch(row('1. the flip', '1.0 s', '2.0 s', '66', '8', '5', '12', '792'));
    expect(page).toMatch(row('Stage 0 to 1', '0 to 1', '0.0 s', '4.0 s', '77', '1,540', '385'));
    const lines = describeReport(report).join('\n');
    expect(lines).toContain('Stage 0 to 1  77 events published, 1,540 applied');
    expect(lines).toContain('1 under load, at least 5 in each stream across each');
    expect(summaryOf(report)).toMatchObject({ by_stage: [{ stage: '0 to 1', published: 77, applied: 1_540 }] });
  });

  test('says of what was not measured that it was not', () => {
    const lines = describeReport(reportOf({ measurement: null, stopped_by: 'interrupted', ok: false })).join('\n');
    expect(lines).toMatch(/lost +not measured/);
    expect(lines).toMatch(/applied +not measured/);
  });

  test('says what failed, on the page, in text and in the one line', () => {
    const failed = reportOf({ ok: false, stopped_by: 'Not within 1 s', measurement: null });
    const page = reportPage({ ...failed, checks: [{ at: 1, name: 'chains', ok: false, seen: '3 unequal' }] });
    expect(page).toContain('Not everything held');
    expect(page).toContain('Stopped by: Not within 1 s');
    expect(page).toContain('not measured');
    const report = { ...failed, checks: [{ at: 1, name: 'chains', ok: false, seen: '3 unequal' }] };
    expect(describeReport(report).join('\n')).toContain('FAILED        chains: 3 unequal');
    expect(summaryOf(report)).toMatchObject({ ok: false, checks: 1, failed: [{ name: 'chains', seen: '3 unequal' }] });
  });
});
