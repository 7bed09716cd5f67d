import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { checkRecord } from '../../src/cache-check/check-record.ts';
import { checkServer } from '../../src/cache-check/check-server.ts';
import { allFaults, type FaultMark } from '../../src/cache-check/faults.ts';
import { help, parseCacheCheckOptions } from '../../src/cache-check/options.ts';
import { positionPlot } from '../../src/cache-check/plot.ts';
import { describeReport, makeReport } from '../../src/cache-check/report.ts';
import { stateAfter } from '../../src/cache-check/state.ts';
import { Truth } from '../../src/cache-check/truth.ts';
import { type Evidence, type JudgedSubscriber, judge } from '../../src/cache-check/verdict.ts';
import { violationKinds } from '../../src/cache-check/violations.ts';
import { tableUnder } from '../../src/markdown-table.ts';
import { History, ledgerOf } from './history.ts';

const ledger = ledgerOf(80);
const truth = new Truth(ledger);
const end = { ledger, rows: stateAfter(ledger).rows() };
const acknowledged = (writer: number) => ledger.filter((entry) => entry.writer === writer).map(({ nonce }) => nonce);
const writers = [1, 2].map((writer) => ({ writer, acknowledged: acknowledged(writer), failed: [] }));

function subscriber(history: History, reads: 'confirmed' | 'unconfirmed' = 'confirmed'): JudgedSubscriber {
  const findings = checkRecord({ lines: history.lines, torn: 0 }, truth, reads);
  return { name: `session ${reads} #0`, number: 0, client: 'session', reads, findings };
}

const good = subscriber(new History(ledger).start().snapshot('baseline', 2).follow(80));
const marks: FaultMark[] = [
  { kind: 'kill', subscriber: 0, from: 1100, to: 1200 },
  { kind: 'kill-server', subscriber: undefined, from: 1300, to: 1500 },
];
const evidence: Evidence = {
  ...{
    subscribers: [good],
    others: [],
    transactions: 80,
    logs: 1,
    wanted: ['kill', 'kill-server'],
    marks,
    ownServer: true,
  },
};
const options = () => {
  const parsed = parseCacheCheckOptions(['--faults', 'kill,kill-server']);
  if (parsed === 'help') throw new Error('unreachable');
  return parsed;
};

describe('the server', () => {
  test('whose tables are what its ledger adds up to is fine', () => {
    expect(checkServer(end, writers)).toEqual([]);
  });

  test('H10 a write that was acknowledged and is not there, one that is there twice, one that was given up', () => {
    const more = [{ writer: 1, acknowledged: [...acknowledged(1), 1000], failed: ['call 1001 failed: no'] }];
    expect(checkServer(end, more)).toMatchObject([
      { kind: 'unacknowledged', detail: expect.stringContaining('from 1000 on') },
      { kind: 'unacknowledged', detail: 'writer 1: call 1001 failed: no' },
    ]);
    const last = ledger.at(-1);
    if (last === undefined) throw new Error('unreachable');
    const twice = [...ledger, { ...last, n: 81, at: last.at + 1 }];
    const found = checkServer({ ledger: twice, rows: stateAfter(twice).rows() }, writers);
    expect(found).toMatchObject([{ kind: 'unacknowledged', n: 81 }]);
  });

  test('H11 tables that the ledger does not lead to, and a ledger with a hole', () => {
    expect(checkServer({ ...end, rows: end.rows.slice(1) }, writers)).toMatchObject([{ kind: 'server' }]);
    expect(checkServer({ ...end, ledger: ledger.slice(1) }, writers)).toMatchObject([{ kind: 'server' }]);
    expect(() => new Truth(ledger.slice(1))).toThrow(RangeError);
  });
});

describe('the verdict', () => {
  test('passes with enough to see and nothing found', () => {
    expect(judge(evidence)).toEqual({ verdict: 'pass', reasons: [], findings: [], lostHistories: 0 });
  });

  test.each<[string, Partial<Evidence>, RegExp]>([
    ['nobody subscribed', { subscribers: [] }, /nobody subscribed/],
    ['too few transactions', { transactions: 49 }, /only 49 transactions/],
    ['a fault that never had an effect', { marks: marks.slice(1) }, /^kill never had an effect/],
    ['no fault asked for', { wanted: [], marks: [] }, /no fault/],
    [
      'a subscriber that saw little',
      { subscribers: [good, subscriber(new History(ledger).start().snapshot('baseline', 62).follow(80))] },
      /showed only 19 states/,
    ],
  ])('is inconclusive with %s', (_what, change, reason) => {
    const { verdict, reasons, findings } = judge({ ...evidence, ...change });
    expect(findings).toEqual([]);
    expect(verdict).toBe('inconclusive');
    expect(reasons).toEqual([expect.stringMatching(reason)]);
  });

  test('fails on any finding, little as there was to see', () => {
    const stuck = subscriber(new History(ledger).start().snapshot('baseline', 2));
    expect(judge({ ...evidence, subscribers: [stuck], marks: [] })).toMatchObject({
      verdict: 'fail',
      reasons: [],
      findings: [{ who: 'session confirmed #0', kind: 'stuck' }],
    });
    expect(judge({ ...evidence, others: [{ kind: 'server', detail: 'x' }] }).verdict).toBe('fail');
  });

  test('H5 more lost histories than kills of the server are a finding, unless somebody else may have killed it', () => {
    const lost = new History(ledgerOf(3, 9, ledger.slice(0, 40))).start().snapshot('baseline', 10).follow(43);
    lost.entries = ledger;
    lost.snapshot('resync', 80);
    const saw = { ...evidence, subscribers: [subscriber(lost, 'unconfirmed')] };
    expect(judge(saw)).toMatchObject({ verdict: 'pass', lostHistories: 1 });
    const unkilled = { ...saw, wanted: ['kill'] as const, marks: marks.slice(0, 1) };
    expect(judge(unkilled)).toMatchObject({ verdict: 'fail', findings: [{ who: 'all', kind: 'unhappened' }] });
    expect(judge({ ...saw, logs: 0 }).verdict).toBe('fail');
    expect(judge({ ...unkilled, ownServer: false })).toMatchObject({ verdict: 'pass', lostHistories: 1 });
  });
});

describe('the report', () => {
  const facts = { options: options(), from: 1000, to: 2500, acknowledged: 80, skipped: { kill: 2 } };
  const report = makeReport(evidence, judge(evidence), facts);

  test('counts per fault and per client, and keeps no token', () => {
    expect(report.faults).toEqual([
      { kind: 'kill', made: 1, skipped: 2, seconds: 0.1 },
      { kind: 'kill-server', made: 1, skipped: 0, seconds: 0.2 },
    ]);
    expect(report.groups).toMatchObject([{ client: 'session', subscribers: 1, counts: { states: 79 }, findings: {} }]);
    expect(JSON.stringify(report)).not.toMatch(/token/i);
    const text = describeReport(report).join('\n');
    expect(text).toMatch(/^pass: 1 subscribers, 2 s, 80 transactions \(80 acknowledged\)/);
    expect(text).toMatch(/^kill +1 +2 +0.1 /m);
    expect(text).toMatch(/^session +confirmed +1 +1 +1 +78 +2 +79 +0 +0\.0 s +0$/m);
  });

  test('says what was found, and of whom', () => {
    const stuck = subscriber(new History(ledger).start().snapshot('baseline', 2).follow(40));
    const failing = { ...evidence, subscribers: [stuck] };
    const found = makeReport(failing, judge(failing), facts);
    expect(found.groups).toMatchObject([{ findings: { stuck: 1 } }]);
    expect(describeReport(found).join('\n')).toMatch(
      /1 x stuck\n {2}session confirmed #0 .*transaction 40 in the end, the server has 80/,
    );
  });

  test('draws a line for each subscriber and a mark for each fault', () => {
    const svg = positionPlot(report);
    expect(svg.match(/<path /g)).toHaveLength(1);
    expect(svg).toContain('<title>kill</title>');
    expect(svg).toContain('<title>kill-server</title>');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('the command line', () => {
  test.each([
    [['--subscribers', '0']],
    [['--seconds', 'x']],
    [['--faults', 'kill,fire']],
    [['--client', 'both', '--reads', 'some']],
    [['--uri', 'https://example.com']],
    [['--uri', 'http://127.0.0.1:1', '--faults', 'kill-server']],
    [['--defect', 'small']],
    [['--workload', 'streams', '--client', 'sdk']],
    [['--workload', 'streams', '--defect', 'lose']],
    [['stray']],
  ])('%j is refused in one line', (args) => {
    expect(() => parseCacheCheckOptions(args)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => parseCacheCheckOptions(args)).toThrow(/^[^\n]+$/);
  });

  test('asks for every fault that can be made', () => {
    expect(parseCacheCheckOptions([])).toMatchObject({ faults: allFaults, clients: ['session'] });
    const foreign = parseCacheCheckOptions(['--uri', 'http://127.0.0.1:3000', '--client', 'both']);
    expect(foreign).toMatchObject({ clients: ['session', 'sdk'] });
    expect(foreign).toHaveProperty(
      'faults',
      allFaults.filter((kind) => !kind.endsWith('server')),
    );
    for (const kind of allFaults) expect(help).toContain(kind);
  });

  test('H1 to H11 are in the specification as the check says them', () => {
    const spec = readFileSync(new URL('../../src/cache-check/SPEC.md', import.meta.url), 'utf8');
    const rows = tableUnder(spec, 'Properties').map(([id, kind, text]) => [kind, `${id}: ${text}`]);
    expect(Object.fromEntries(rows)).toEqual(violationKinds);
  });
});
