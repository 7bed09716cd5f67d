import type { PayloadHash } from '@autopilot/sync-contract';
import type { AuditHead, AuditRecord } from '../audit/record.ts';
import type { Plan } from '../machine/plan.ts';
import type { DsseEnvelope } from './dsse.ts';
import type { TrustedKey } from './keys.ts';

/** All that a flip rested on, in one document that can be verified off-line. */
export interface EvidenceBundle {
  readonly schema: 'autopilot.cutover-evidence.v1';
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

/** Puts plan, receipts and audit into one document. */
export function bundle(
  _receipts: readonly DsseEnvelope[],
  _audit: readonly AuditRecord[],
  _plan: Plan,
): EvidenceBundle {
  throw new Error('not yet');
}

/** Verifies a bundle off-line; never throws. No problems means that it is sound. */
export function verifyBundle(
  _value: unknown,
  _trusted: readonly TrustedKey[],
  _expected: { readonly digest?: string | undefined; readonly head?: AuditHead | undefined } = {},
): readonly BundleProblem[] {
  throw new Error('not yet');
}
