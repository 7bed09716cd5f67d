import type { CutoverService } from '../../cutover/create-cutover-service.ts';

/** The last receipt of each gate and set of packages, as it is answered. */
export async function gatesReport({ clock, receipts }: Pick<CutoverService, 'clock' | 'receipts'>) {
  const now = clock.now();
  return (await receipts.current()).map(({ digest, observation, signed_by, submitted_by, received_at }) => ({
    gate: observation.gate,
    verdict: observation.verdict,
    reason: observation.reason,
    observed_from: observation.observed_from,
    observed_to: observation.observed_to,
    age_ms: Math.max(0, now - observation.observed_to),
    digest,
    signed_by,
    submitted_by,
    received_at,
    packages: observation.environment.packages,
    counts: observation.counts,
    measures: observation.measures,
  }));
}
