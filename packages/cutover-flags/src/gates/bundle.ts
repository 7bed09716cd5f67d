import { isPayloadHash, type PayloadHash, payloadHash } from '@autopilot/sync-contract';
import { verifyAudit } from '../audit/chain.ts';
import type { AuditHead, AuditRecord } from '../audit/record.ts';
import type { Plan } from '../machine/plan.ts';
import { planDigest } from '../machine/plan-digest.ts';
import type { DsseEnvelope } from './dsse.ts';
import type { TrustedKey } from './keys.ts';
import { verifyReceipt } from './verify-receipt.ts';

const bundleSchema = 'autopilot.cutover-evidence.v1';

/** All that a flip rested on, in one document that can be verified off-line. */
export interface EvidenceBundle {
  readonly schema: typeof bundleSchema;
  readonly plan: Plan;
  readonly receipts: readonly DsseEnvelope[];
  readonly audit: readonly AuditRecord[];
  /** Over all other members. */
  readonly digest: PayloadHash;
}

/** One thing that is wrong with a bundle. */
export interface BundleProblem {
  readonly part: 'form' | 'digest' | 'plan' | 'receipt' | 'audit' | 'evidence';
  readonly reason: string;
}

/** What a verifier knows from elsewhere: the digest it was told, the last audit record it has seen. */
export interface BundleExpectation {
  readonly digest?: string | undefined;
  readonly head?: AuditHead | undefined;
}

/** Puts receipts, audit and plan into one document. */
export function bundle(receipts: readonly DsseEnvelope[], audit: readonly AuditRecord[], plan: Plan): EvidenceBundle {
  const body = { schema: bundleSchema, plan, receipts, audit } as const;
  return { ...body, digest: payloadHash(body) };
}

/**
 * Verifies a bundle off-line; never throws. No problem means: nothing was changed since it was made, every receipt is
 * signed by a trusted key that may speak for its gate, every receipt the plan rests on is there, the audit chain is whole.
 * Without `expected.digest` or `expected.head` somebody who can make bundles can still leave out the end of the audit.
 */
export function verifyBundle(
  value: unknown,
  trusted: readonly TrustedKey[],
  expected: BundleExpectation = {},
): readonly BundleProblem[] {
  if (!isBundle(value)) return [{ part: 'form', reason: `This is no document of form ${bundleSchema}.` }];
  const problems: BundleProblem[] = [];
  const { digest, ...body } = value;
  if (attempt(() => payloadHash(body)) !== digest) {
    problems.push({ part: 'digest', reason: 'The digest is not that of the bundle: it was changed.' });
  }
  if (expected.digest !== undefined && expected.digest !== digest) {
    problems.push({ part: 'digest', reason: `The digest is ${digest}, expected ${expected.digest}.` });
  }
  const { digest: planned, ...plan } = value.plan;
  if (attempt(() => planDigest(plan)) !== planned) {
    problems.push({ part: 'plan', reason: 'The digest of the plan is not that of its members.' });
  }
  const known = new Set<string>();
  for (const [index, receipt] of value.receipts.entries()) {
    try {
      known.add(verifyReceipt(receipt, trusted).digest);
    } catch (error) {
      problems.push({ part: 'receipt', reason: `Receipt ${index}: ${(error as Error).message}` });
    }
  }
  const evidence = attempt(() => value.plan.requirements.flatMap((requirement) => requirement.evidence)) ?? [];
  for (const wanted of new Set(evidence)) {
    if (!known.has(wanted))
      problems.push({ part: 'evidence', reason: `The plan rests on ${wanted}, which is not here.` });
  }
  const verdict = verifyAudit(value.audit, expected.head);
  if (!verdict.ok) problems.push({ part: 'audit', reason: verdict.reason });
  return problems;
}

function isBundle(value: unknown): value is EvidenceBundle {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, plan, receipts, audit, digest } = value as Record<string, unknown>;
  const whole = typeof plan === 'object' && plan !== null && Array.isArray(receipts) && Array.isArray(audit);
  return schema === bundleSchema && whole && typeof digest === 'string' && isPayloadHash(digest);
}

function attempt<T>(compute: () => T): T | null {
  try {
    return compute();
  } catch {
    return null;
  }
}
