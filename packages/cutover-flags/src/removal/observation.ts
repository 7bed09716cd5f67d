import type { GateEnvironment, GateObservation } from '../gates/gate.ts';
import { findingKinds } from './finding.ts';
import { countByKind, type RemovalResult } from './scan.ts';

/** The scan as what the gate `removal` saw. */
export function removalObservation(result: RemovalResult, environment: GateEnvironment): GateObservation {
  const { scanned, findings } = result;
  const byKind = countByKind(findings);
  return {
    gate: 'removal',
    verdict: result.verdict,
    reason: result.reason,
    observed_from: result.from,
    observed_to: result.to,
    counts: {
      cases: scanned.files,
      failed: scanned.findings - (byKind.unread ?? 0),
      skipped: byKind.unread ?? 0,
      events: 0,
    },
    measures: {
      bytes: scanned.bytes,
      allowed: scanned.allowed,
      binary: scanned.binary,
      ...Object.fromEntries(findingKinds.map((kind) => [`findings_${kind.replace('-', '_')}`, byKind[kind] ?? 0])),
    },
    environment,
  };
}
