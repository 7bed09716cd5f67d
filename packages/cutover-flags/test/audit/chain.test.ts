import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AuditEntry,
  type AuditHead,
  type AuditRecord,
  appendAudit,
  auditGenesis,
  verifyAudit,
} from '../../src/index.ts';
import { Cutover } from '../support/cutover.ts';

function chain(entries: readonly AuditEntry[]): readonly AuditRecord[] {
  let head: AuditHead = auditGenesis;
  return entries.map((entry) => {
    const record = appendAudit(head, entry);
    head = record;
    return record;
  });
}

const records = chain(Cutover.at(1).events);
const head = records.at(-1) as AuditRecord;

describe('the audit chain', () => {
  test('A1 what a cutover tells is a chain that verifies, also after a way through JSON', () => {
    expect(records).toHaveLength(6);
    expect(records[0]).toMatchObject({ seq: 1, previous: auditGenesis.hash, actor: 'alice', event: 'flip_requested' });
    expect(records[1]).toMatchObject({
      actor: 'bob',
      event: 'flip_approved',
      evidence: expect.arrayContaining([expect.stringMatching(/^sha256:/)]),
    });
    expect(verifyAudit(JSON.parse(JSON.stringify(records)), head)).toEqual({
      ok: true,
      head: { seq: head.seq, hash: head.hash },
    });
    expect(verifyAudit([])).toEqual({ ok: true, head: auditGenesis });
  });

  test('A2 a changed member of any record is found, whichever it is', () => {
    for (const [index, record] of records.entries()) {
      for (const member of Object.keys(record) as (keyof AuditRecord)[]) {
        const value = record[member];
        const other = typeof value === 'number' ? value + 1 : typeof value === 'string' ? `${value}x` : ['changed'];
        const changed = records.map((each, at) => (at === index ? { ...each, [member]: other } : each));
        expect(verifyAudit(changed)).toMatchObject({ ok: false, index });
      }
    }
  });

  test('A2 an added member is found', () => {
    const changed = records.map((each, at) => (at === 2 ? { ...each, note: 'nothing to see' } : each));
    expect(verifyAudit(changed)).toMatchObject({ ok: false, index: 2, problem: 'changed' });
  });

  test('A2 a record that was written anew, with its own hash, does not fit the next', () => {
    const before = records[1] as AuditRecord;
    const forged = appendAudit(before, { ...(records[2] as AuditRecord), actor: 'mallory' });
    const changed = records.map((each, at) => (at === 2 ? forged : each));
    expect(verifyAudit(changed)).toMatchObject({ ok: false, index: 3, problem: 'changed' });
  });

  test('A3 a removed record, one at the beginning, and two that changed places', () => {
    expect(verifyAudit(records.filter((_, at) => at !== 3))).toMatchObject({ ok: false, index: 3, problem: 'removed' });
    expect(verifyAudit(records.slice(1))).toMatchObject({ ok: false, index: 0, problem: 'removed' });
    const swapped = [...records];
    [swapped[2], swapped[3]] = [records[3] as AuditRecord, records[2] as AuditRecord];
    expect(verifyAudit(swapped)).toMatchObject({ ok: false, index: 2, problem: 'reordered' });
    const doubled = [...records.slice(0, 3), records[2], ...records.slice(3)];
    expect(verifyAudit(doubled)).toMatchObject({ ok: false, index: 3, problem: 'reordered' });
  });

  test('A4 an end that was cut off or replaced is found by the head', () => {
    const cut = records.slice(0, -2);
    expect(verifyAudit(cut)).toMatchObject({ ok: true });
    expect(verifyAudit(cut, head)).toMatchObject({ ok: false, index: cut.length, problem: 'truncated' });
    expect(verifyAudit([], head)).toMatchObject({ ok: false, index: 0, problem: 'truncated' });
    const last = appendAudit(records.at(-2) as AuditRecord, { ...head, reason: 'another end' });
    expect(verifyAudit([...records.slice(0, -1), last], head)).toMatchObject({ ok: false, problem: 'forked' });
  });

  test.each([null, 'record', 7, {}, { seq: 1 }, { seq: 1, previous: '', hash: 'x' }])('A2 %p is no record', (value) => {
    expect(verifyAudit([value])).toMatchObject({ ok: false, index: 0, problem: 'malformed' });
  });

  test('A2 whatever is done to a chain, it is not accepted with its head', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...records.keys()], { minLength: 0 }), (order) => {
        const same = order.length === records.length && order.every((value, at) => value === at);
        expect(
          verifyAudit(
            order.map((at) => records[at]),
            head,
          ).ok,
        ).toBe(same);
      }),
    );
  });
});
