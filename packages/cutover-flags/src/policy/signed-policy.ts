import type { JSONWebKeySet } from 'jose';
import { CutoverError } from '../errors.ts';
import { parsePolicy } from './parse-policy.ts';
import type { CutoverPolicy } from './policy.ts';
import { type PolicySigningKey, signDocument, verifyDocument } from './signed-document.ts';

/** The `typ` of a signed policy. */
export const policyType = 'cutover-policy+jws';

/** What a policy has to be, besides well-formed and signed. */
export interface PolicyExpectation {
  readonly deployment: string;
  /** The lowest revision that is taken. */
  readonly minRevision: number;
}

/**
 * A policy as compact JWS. It is checked first: what a unit would refuse is never signed.
 *
 * @throws {CutoverError} as {@link parsePolicy}.
 */
export async function signPolicy(policy: CutoverPolicy, key: PolicySigningKey): Promise<string> {
  return await signDocument(policyType, parsePolicy(policy), key);
}

/**
 * The policy of a compact JWS, or a typed error and nothing.
 *
 * @throws {CutoverError} `unknown_key`, `bad_signature`, `unknown_schema`, `invalid_policy`, `wrong_deployment`,
 *   `stale_revision`.
 */
export async function verifyPolicy(
  jws: string,
  keys: JSONWebKeySet,
  { deployment, minRevision }: PolicyExpectation,
): Promise<CutoverPolicy> {
  const policy = parsePolicy(await verifyDocument(jws, policyType, keys));
  if (policy.deployment !== deployment) {
    throw new CutoverError('wrong_deployment', `The policy is of ${policy.deployment}, not of ${deployment}.`, {
      details: { deployment: policy.deployment },
    });
  }
  // Written so that a NaN refuses.
  if (!(policy.revision >= minRevision)) {
    throw new CutoverError('stale_revision', `Revision ${policy.revision} is older than ${minRevision}.`, {
      details: { revision: policy.revision, min_revision: minRevision },
    });
  }
  return policy;
}
