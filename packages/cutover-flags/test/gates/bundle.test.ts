import { payloadHash } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import {
  type AuditRecord,
  appendAudit,
  auditGenesis,
  bundle,
  createReceipt,
  type DsseEnvelope,
  type EvidenceBundle,
  verifyBundle,
} from '../../src/index.ts';
import { Cutover, ciKey, observation, start, trustedKeys } from '../support/cutover.ts';

const cutover = new Cutover();
const records: AuditRecord[] = [];
const plan = cutover.plan(1);
const evidence = cutover.currentEvidence().receipts as readonly DsseEnvelope[];
cutover.approved(1);
for (const event of cutover.events) records.push(appendAudit(records.at(-1) ?? auditGenesis, event));
const whole = JSON.parse(JSON.stringify(bundle(evidence, records, plan))) as EvidenceBundle;

const parts = (value: unknown, expected = {}) =>
  verifyBundle(value, trustedKeys, expected).map((problem) => problem.part);

/** The bundle with a change, and a digest that fits it: what somebody would make who can make bundles. */
function remade(patch: Partial<EvidenceBundle>): EvidenceBundle {
  const { digest: _, ...body } = { ...whole, ...patch };
  return { ...body, digest: payloadHash(body) };
}

describe('evidence bundles', () => {
  test('G8 a whole one has no problems, with what is expected of it too', () => {
    const head = records.at(-1) as AuditRecord;
    expect(verifyBundle(whole, trustedKeys, { digest: whole.digest, head })).toEqual([]);
  });

  test('G8 a change anywhere is found by the digest', () => {
    expect(parts({ ...whole, receipts: whole.receipts.slice(1) })).toContain('digest');
    expect(parts({ ...whole, plan: { ...whole.plan, ready: !whole.plan.ready } })).toContain('digest');
    expect(parts({ ...whole, note: 'more' })).toContain('digest');
  });

  test('G8 and with a digest that fits the change, by what was changed', () => {
    expect(parts(remade({ receipts: whole.receipts.slice(1) }))).toEqual(['evidence']);
    expect(parts(remade({ audit: whole.audit.slice(1) }))).toEqual(['audit']);
    expect(parts(remade({ plan: { ...whole.plan, ready: !whole.plan.ready } }))).toEqual(['plan']);
    const forged = createReceipt(observation('parity', start, { reason: 'forged' }), { ...ciKey, keyid: 'who' });
    expect(parts(remade({ receipts: [...whole.receipts, forged] }))).toEqual(['receipt']);
    expect(parts(remade({ receipts: [...whole.receipts.slice(1), forged] }))).toEqual(['receipt', 'evidence']);
  });

  test('G8 what was remade as a whole is found by what is known from elsewhere', () => {
    const cut = remade({ audit: whole.audit.slice(0, -1) });
    expect(parts(cut)).toEqual([]);
    expect(parts(cut, { head: records.at(-1) })).toEqual(['audit']);
    expect(parts(cut, { digest: whole.digest })).toEqual(['digest']);
  });

  test.each([null, 'bundle', {}, { ...whole, schema: 'other' }, { ...whole, plan: null }, { ...whole, digest: 'x' }])(
    'G8 no bundle: case %#',
    (value) => {
      expect(parts(value)).toEqual(['form']);
    },
  );

  test('G8 a plan without requirements is a problem, not an error', () => {
    expect(parts(remade({ plan: {} as never }))).toEqual(['plan']);
    expect(parts(remade({ plan: { requirements: 7 } as never }))).toEqual(['plan']);
  });
});
