import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkRecord, type RecordFindings } from '../../src/cache-check/check-record.ts';
import { type DefectName, withDefect } from '../../src/cache-check/defects.ts';
import { type Reads, type RecordLine, readRecord, type Seen } from '../../src/cache-check/record.ts';
import { readRowText, rowText } from '../../src/cache-check/rows.ts';
import { Truth } from '../../src/cache-check/truth.ts';
import { propertyRuns } from '../../src/property-runs.ts';
import { History, ledgerOf, seenOf, viewAt } from './history.ts';

const ledger = ledgerOf(120);
const truth = new Truth(ledger);

const check = (lines: readonly RecordLine[], reads: Reads = 'confirmed', against = truth) =>
  checkRecord({ lines, torn: 0 }, against, reads);
const kinds = ({ violations }: RecordFindings) => [...new Set(violations.map(({ kind }) => kind))].sort();
const followed = () => new History(ledger).start().snapshot('baseline', 5).follow(120);

/** The lines with the observation of one transaction replaced by others. */
function replacing(lines: readonly RecordLine[], n: number, by: (seen: Seen) => readonly Seen[]): RecordLine[] {
  return lines.flatMap((line): readonly RecordLine[] =>
    line.k === 'seen' && line.events[0] === n ? by(line) : [line],
  );
}

/** The lines through a client with a defect. */
function defective(defect: DefectName, lines: readonly RecordLine[]): RecordLine[] {
  const show = withDefect(defect);
  return lines.flatMap((line): RecordLine[] => (line.k === 'seen' ? show(line) : [line]));
}

describe('a faultless history', () => {
  test('is found to be one: a snapshot, transactions, a reconnect, a kill and a restart', () => {
    const history = new History(ledger).start().snapshot('baseline', 0).follow(30).snapshot('resync', 30).follow(50);
    history.snapshot('resync', 64).follow(70).start().snapshot('baseline', 80).follow(120);
    const { violations, counts, branches, points } = check(history.lines);
    expect(violations).toEqual([]);
    expect(branches).toEqual([]);
    expect(counts).toMatchObject({ runs: 2, snapshots: 4, transactions: 96, states: 100, jumped: 24, unhappened: 0 });
    expect(points).toHaveLength(100);
  });

  test('may have a cache that is ahead of what it has told', () => {
    expect(check(new History(ledger).start().snapshot('baseline', 3).follow(120, 4).lines).violations).toEqual([]);
  });

  test('is never found guilty, whatever the order of snapshots and transactions', () => {
    const step = fc.record({ kind: fc.constantFrom('follow', 'resync', 'restart'), by: fc.nat(9), ahead: fc.nat(3) });
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.array(step, { maxLength: 12 }),
        fc.constantFrom('confirmed', 'unconfirmed'),
        (from, steps, reads) => {
          const history = new History(ledger).start().snapshot('baseline', from);
          for (const { kind, by, ahead } of steps) {
            const n = Math.min(120, history.n + by);
            if (kind === 'follow') history.follow(n, ahead);
            else if (kind === 'resync') history.snapshot('resync', n);
            else history.start().snapshot('baseline', n);
          }
          expect(check(history.follow(120).lines, reads as Reads).violations).toEqual([]);
        },
      ),
      propertyRuns(),
    );
  });
});

describe('histories that are wrong', () => {
  test('H1 a row of a transaction that never comes: the state is one that no prefix leads to', () => {
    const lines = replacing(followed().lines, 40, (seen) => {
      const lost = seen.in.find((row) => row.startsWith('mark:'));
      return [{ ...seen, in: seen.in.filter((row) => row !== lost) }];
    });
    expect(kinds(check(lines))).toContain('split');
  });

  test('H1 two halves of a transaction, also when the cache agrees with them', () => {
    const findings = check(defective('split', followed().lines));
    expect(kinds(findings)).toContain('split');
    expect(findings.violations[0]).toMatchObject({
      detail: expect.stringMatching(/transaction 29 came again, or in parts/),
    });
  });

  test('H1 the accounts of one transaction with the marks of another', () => {
    const history = new History(ledger).start();
    const accounts = (n: number) => history.rowsAt(n).filter((row) => row.startsWith('account:'));
    const rows = [...accounts(50), ...history.rowsAt(51).filter((row) => !row.startsWith('account:'))];
    history.push({ source: 'baseline', in: rows, out: [], events: [], view: viewAt(rows, 51) }, rows, 51);
    const { violations } = check(history.snapshot('resync', 120).lines);
    expect(violations).toEqual([
      expect.objectContaining({ kind: 'split', n: 51, detail: expect.stringContaining('missing account:') }),
    ]);
  });

  test('H1 a transaction before any rows', () => {
    const lines = followed().lines.filter((line) => line.k !== 'seen' || line.source === 'transaction');
    expect(kinds(check(lines))).toEqual(['split', 'stuck']);
  });

  test('H2 a transaction that is left out', () => {
    const findings = check(replacing(followed().lines, 40, () => []));
    expect(findings.violations[0]).toMatchObject({ kind: 'gap', n: 41 });
    expect(kinds(check(defective('skip', followed().lines)))).toContain('gap');
  });

  test('H3 a transaction that comes twice', () => {
    const findings = check(replacing(followed().lines, 40, (seen) => [seen, seen]));
    expect(kinds(findings)).toEqual(['repeat']);
    expect(findings.violations.map(({ detail }) => detail)).toEqual([
      'transaction 40 came again, or in parts',
      expect.stringMatching(/^comes and is there: .*; goes and is not there: /),
    ]);
    expect(kinds(check(defective('repeat', followed().lines)))).toEqual(['repeat']);
  });

  test('H3 an event that comes twice', () => {
    expect(kinds(check(replacing(followed().lines, 40, (seen) => [{ ...seen, events: [40, 40] }])))).toEqual([
      'repeat',
    ]);
  });

  test('H4 two transactions in the wrong order', () => {
    const lines = [...followed().lines];
    const at = lines.findIndex((line) => line.k === 'seen' && line.events[0] === 40);
    [lines[at], lines[at + 1]] = [lines[at + 1] as RecordLine, lines[at] as RecordLine];
    expect(kinds(check(lines))).toEqual(expect.arrayContaining(['backwards', 'gap']));
    expect(kinds(check(defective('reorder', followed().lines)))).toEqual(expect.arrayContaining(['backwards', 'gap']));
  });

  test.each(['confirmed', 'unconfirmed'] as const)('H4 a reconnect, or a restart, that leads back; %s', (reads) => {
    const history = new History(ledger).start().snapshot('baseline', 5).follow(60).snapshot('resync', 58).follow(80);
    history.start().snapshot('baseline', 79).follow(120);
    expect(check(history.lines, reads).violations).toMatchObject([
      { kind: 'backwards', n: 58 },
      { kind: 'backwards', n: 79 },
    ]);
  });

  test('H5 what the server has lost: a finding for confirmed reads, counted for others', () => {
    const kept = ledgerOf(100);
    const lost = ledgerOf(4, 7, kept.slice(0, 60));
    const history = new History(lost).start().snapshot('baseline', 50).follow(64);
    history.entries = kept;
    history.snapshot('resync', 61).follow(100);
    const against = new Truth(kept);
    const unconfirmed = check(history.lines, 'unconfirmed', against);
    expect(unconfirmed.violations).toEqual([]);
    expect(unconfirmed.counts).toMatchObject({ unhappened: 4, unjudged: 0 });
    expect(unconfirmed.branches).toHaveLength(1);
    const confirmed = check(history.lines, 'confirmed', against);
    expect(confirmed.violations).toMatchObject([{ kind: 'unhappened', n: 61 }]);
    expect(confirmed.branches).toEqual(unconfirmed.branches);
  });

  test('H5 a snapshot of what the server has lost is told by its window', () => {
    const kept = ledgerOf(100);
    const history = new History(ledgerOf(10, 7, kept.slice(0, 60))).start().snapshot('baseline', 68);
    history.entries = kept;
    const { violations, counts } = check(history.snapshot('resync', 100).lines, 'unconfirmed', new Truth(kept));
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ unhappened: 1, unjudged: 0 });
  });

  test('H5 transactions beyond the end of the ledger are lost ones too', () => {
    const longer = ledgerOf(3, 7, ledger);
    const lines = new History(longer).start().snapshot('baseline', 100).follow(123).lines;
    expect(kinds(check(lines, 'confirmed'))).toEqual(['stuck', 'unhappened']);
    expect(kinds(check(lines, 'unconfirmed'))).toEqual(['stuck']);
  });

  test('H1 a lost history must follow its own rules as well', () => {
    const lost = ledgerOf(4, 7, ledger.slice(0, 60));
    const history = new History(lost).start().snapshot('baseline', 50).follow(64);
    const lines = replacing(history.lines, 63, (seen) => [
      { ...seen, in: seen.in.map((row) => (row.startsWith('account:') ? richer(row) : row)) },
    ]);
    expect(check(lines, 'unconfirmed').violations[0]).toMatchObject({
      kind: expect.stringMatching(/split|differs/),
      n: 63,
    });
    expect(kinds(check(lines, 'unconfirmed'))).toContain('split');
  });

  test('H1 nobody comes back from a lost history within a connection', () => {
    const history = new History(ledgerOf(4, 7, ledger.slice(0, 60))).start().snapshot('baseline', 50).follow(63);
    history.entries = ledger;
    expect(kinds(check(history.follow(120).lines, 'unconfirmed'))).toEqual(['split']);
  });

  test('H5 a client that invents a transaction', () => {
    expect(kinds(check(defective('unhappen', followed().lines)))).toContain('unhappened');
    expect(check(defective('unhappen', followed().lines), 'unconfirmed').branches.length).toBeGreaterThan(0);
  });

  test('H6 a cache that holds something else than the changes add up to', () => {
    const wrong = (seen: Seen): Seen => ({ ...seen, view: { ...seen.view, digest: 'something else' } });
    expect(kinds(check(replacing(followed().lines, 40, (seen) => [wrong(seen)])))).toEqual(['differs']);
    const behind = (seen: Seen): Seen => ({ ...seen, view: viewAt([], 39) });
    expect(kinds(check(replacing(followed().lines, 40, (seen) => [behind(seen)])))).toEqual(['differs']);
    const ahead = new History(ledger).start().snapshot('baseline', 5).follow(120, 2).lines;
    expect(kinds(check(replacing(ahead, 40, (seen) => [wrong(seen)])))).toEqual(['differs']);
  });

  test('H6 a cache that was ahead, of something that never came', () => {
    const history = new History(ledger).start().snapshot('baseline', 5).follow(40);
    const last = seenOf(history.lines).at(-1);
    if (last === undefined) throw new Error('unreachable');
    Object.assign(last, { view: { n: 41, digest: 'never' } });
    history.snapshot('resync', 50).follow(120);
    expect(kinds(check(history.lines, 'confirmed'))).toEqual(['unhappened']);
    expect(check(history.lines, 'unconfirmed').counts.unjudged).toBe(1);
  });

  test('H7 a transaction without its event, or with another', () => {
    for (const events of [[], [41], [40, 41]]) {
      expect(kinds(check(replacing(followed().lines, 40, (seen) => [{ ...seen, events }])))).toEqual(['event']);
    }
  });

  test('H8 a subscriber that stops, and one whose cache stops', () => {
    expect(kinds(check(followed().lines.slice(0, -1)))).toEqual(['stuck']);
    expect(kinds(check([{ k: 'start', at: 1, pid: 1 }]))).toEqual(['stuck']);
    const stale = new History(ledger).start().snapshot('baseline', 60).follow(70).snapshot('resync', 120);
    expect(kinds(check(defective('stale', stale.lines)))).toEqual(expect.arrayContaining(['split', 'stuck']));
  });

  test('H9 a client that gives up', () => {
    const { lines } = followed();
    lines.push({ k: 'failed', at: 5000, message: 'no such table' });
    expect(check(lines).violations).toMatchObject([{ kind: 'crashed', detail: 'no such table' }]);
  });

  test('what follows from a wrong state is not counted again, and ends with the next snapshot', () => {
    const history = new History(ledger).start().snapshot('baseline', 5).follow(60).snapshot('resync', 61).follow(120);
    const lines = replacing(history.lines, 40, (seen) => [
      { ...seen, in: seen.in.filter((row) => !row.startsWith('mark:')) },
    ]);
    const { violations, counts } = check(lines);
    expect(violations.filter(({ kind }) => kind === 'split')).toHaveLength(1);
    expect(counts).toMatchObject({ tainted: 7, states: 108 });
  });
});

describe('records', () => {
  test('a line that a kill cut short is passed over, and no other', () => {
    const whole = '{"k":"start","at":1,"pid":1}\n{"k":"open","at":2}\n';
    expect(readRecord(`${whole}{"k":"se\n{"k":"start","at":3,"pid":2}\n{"k":"op`)).toMatchObject({ torn: 2 });
    expect(readRecord(whole).lines).toHaveLength(2);
    expect(() => readRecord(`{"k":"se\n${whole.slice(29)}`)).toThrow(SyntaxError);
  });
});

function richer(row: string): string {
  const { cells } = readRowText(row);
  return rowText('account', [cells[0] ?? 0, (cells[1] ?? 0) + 1, cells[2] ?? 0]);
}
