import { type Cancel, canonicalJson } from '@autopilot/sync-contract';
import type { JSONWebKeySet } from 'jose';
import { CutoverError } from '../errors.ts';
import { type Admission, verifyAdmission } from './admission.ts';
import { type CacheContent, type CachedDocument, decodeCache, encodeCache, type PolicyFiles } from './cache-file.ts';
import type { CutoverPolicy } from './policy.ts';
import { keyOf } from './signed-document.ts';
import { verifyPolicy } from './signed-policy.ts';

/** What control answered: both documents as compact JWS, and the key set they are signed under. */
export interface PolicyBundle {
  readonly policy: string;
  readonly admission: string | null;
  readonly keys: JSONWebKeySet;
}

/** What decisions are made from now. */
export interface HeldPolicy {
  /** Null when there is none: then `D.1` and `D.2` decide. */
  readonly policy: CutoverPolicy | null;
  readonly admission: Admission | null;
  /** What is wrong with the file (`cache_corrupt`, `cache_unavailable`); null when nothing is known to be. */
  readonly problem: CutoverError | null;
}

/** The last good policy of one unit, in memory and in a file. */
export interface PolicyCache {
  held(): HeldPolicy;
  /** Reads the file, once, before the first `offer`. Never rejects: what is wrong is the `problem`. */
  load(): Promise<HeldPolicy>;
  /**
   * Takes over what control answered, whole or not at all. When the file cannot be written the policy still acts, and
   * `problem` says that a restart would forget it.
   *
   * @throws {CutoverError} as {@link verifyPolicy} and {@link verifyAdmission}; `stale_revision` for an older revision;
   *   `revision_conflict` for another content under the revision that is held.
   */
  offer(bundle: PolicyBundle): Promise<'taken' | 'unchanged'>;
  /** Calls back after every change of what is held. */
  listen(listener: (held: HeldPolicy) => void): Cancel;
}

/** Options of {@link createPolicyCache}. */
export interface PolicyCacheOptions {
  readonly files: PolicyFiles;
  readonly deployment: string;
  readonly unit: string;
}

interface Proved {
  readonly policy: CutoverPolicy;
  readonly admission: Admission | null;
  readonly content: CacheContent;
}

/** A cache that holds nothing yet: call `load` first. */
export function createPolicyCache({ files, deployment, unit }: PolicyCacheOptions): PolicyCache {
  let proved: Proved | null = null;
  let problem: CutoverError | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  const listeners = new Set<(held: HeldPolicy) => void>();

  const held = (): HeldPolicy => ({
    policy: proved?.policy ?? null,
    admission: proved?.admission ?? null,
    problem,
  });

  // One at a time: two answers that cross must not both be compared with the same revision.
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  function tell(): void {
    for (const listener of [...listeners]) {
      try {
        listener(held());
      } catch {
        // A listener that throws must not keep the policy from the others.
      }
    }
  }

  async function prove(policyDocument: CachedDocument, admissionDocument: CachedDocument | null): Promise<Proved> {
    const expected = { deployment, minRevision: 0 };
    const policy = await verifyPolicy(policyDocument.jws, { keys: [policyDocument.key] }, expected);
    const { salt } = policy.cohort;
    const admission =
      admissionDocument === null
        ? null
        : await verifyAdmission(admissionDocument.jws, { keys: [admissionDocument.key] }, { deployment, unit, salt });
    return { policy, admission, content: { v: 1, policy: policyDocument, admission: admissionDocument } };
  }

  async function readFile(): Promise<void> {
    let bytes: Uint8Array | null;
    try {
      bytes = await files.read();
    } catch (cause) {
      problem = new CutoverError('cache_unavailable', 'The cached policy cannot be opened.', { cause });
      return;
    }
    if (bytes === null) return;
    try {
      const content = decodeCache(bytes);
      proved = await prove(content.policy, content.admission);
    } catch (cause) {
      problem = new CutoverError('cache_corrupt', 'The cached policy is damaged or not of this unit.', { cause });
    }
  }

  async function take(bundle: PolicyBundle): Promise<'taken' | 'unchanged'> {
    const next = await prove(
      { jws: bundle.policy, key: keyOf(bundle.policy, bundle.keys) },
      bundle.admission === null ? null : { jws: bundle.admission, key: keyOf(bundle.admission, bundle.keys) },
    );
    const before = proved;
    if (before !== null) refuseOlder(before.policy, next.policy);
    const merged = before === null ? next : withNewestAdmission(before, next);
    const samePolicy = before !== null && before.policy.revision === merged.policy.revision;
    const sameAdmission = canonicalJson(before?.admission ?? null) === canonicalJson(merged.admission);
    if (samePolicy && sameAdmission && problem === null) return 'unchanged';
    proved = merged;
    try {
      await files.write(encodeCache(merged.content));
      problem = null;
    } catch (cause) {
      problem = new CutoverError('cache_unavailable', 'The policy acts, but could not be written.', { cause });
    }
    tell();
    return samePolicy && sameAdmission ? 'unchanged' : 'taken';
  }

  return {
    held,
    load: () =>
      inTurn(async () => {
        if (proved === null) {
          await readFile();
          tell();
        }
        return held();
      }),
    offer: (bundle) => inTurn(() => take(bundle)),
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function refuseOlder(before: CutoverPolicy, next: CutoverPolicy): void {
  const details = { held: before.revision, offered: next.revision };
  if (next.revision < before.revision) {
    throw new CutoverError('stale_revision', `Revision ${next.revision} is older than ${before.revision}.`, {
      details,
    });
  }
  if (next.revision === before.revision && canonicalJson(next) !== canonicalJson(before)) {
    const message = `Revision ${next.revision} was offered with another content than the one that is held.`;
    throw new CutoverError('revision_conflict', message, { details });
  }
}

/** An answer without an admission, or with an older one, does not take the newer one of the same rollout away. */
function withNewestAdmission(before: Proved, next: Proved): Proved {
  const kept = before.admission;
  if (kept === null || kept.salt !== next.policy.cohort.salt) return next;
  if (next.admission !== null && next.admission.issued_at >= kept.issued_at) return next;
  return { ...next, admission: kept, content: { ...next.content, admission: before.content.admission } };
}
