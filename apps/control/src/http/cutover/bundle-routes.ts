import { bundle, type DsseEnvelope, type PlanTarget } from '@autopilot/cutover-flags';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { describeIssues } from '../../config/describe-issues.ts';
import { ControlError } from '../../errors.ts';
import type { Context } from '../context.ts';

const querySchema = z.union([
  z.strictObject({ to: z.enum(['0', '1', '2', '3', 'sealed']) }),
  z.strictObject({ percent: z.coerce.number().min(0).max(100) }),
]);

/** Audit records that are read at once. */
const auditPage = 1_000;

/** All that a step rests on as one document, and the public keys to verify it with; needs the scope cutover.read. */
export function installBundleRoutes(app: FastifyInstance, context: Context): void {
  const { authenticate, service } = context;
  const { cutover, cutovers, receipts, trusted } = service;

  app.get('/v1/cutover/evidence', async (request) => {
    await authenticate.withScope(request, 'cutover.read');
    const query = querySchema.safeParse(request.query);
    if (!query.success)
      throw new ControlError('invalid_request', `The query is wrong: ${describeIssues(query.error)}.`);
    const plan = await cutover.plan(targetOf(query.data));
    const needed = new Set<string>(plan.requirements.flatMap((requirement) => requirement.evidence));
    const kept = (await receipts.current()).filter((receipt) => needed.has(receipt.digest));
    const audit = [];
    for (let page = await cutovers.audit(0, auditPage); page.length > 0; ) {
      audit.push(...page);
      page = await cutovers.audit(page.at(-1)?.seq ?? 0, auditPage);
    }
    const envelopes = kept.map((receipt) => receipt.envelope as DsseEnvelope);
    return { bundle: bundle(envelopes, audit, plan), keys: trusted };
  });

  app.get('/v1/cutover/evidence/keys', async (request) => {
    await authenticate.withScope(request, 'cutover.read');
    return { keys: trusted };
  });
}

function targetOf(query: z.infer<typeof querySchema>): PlanTarget {
  if ('percent' in query) return { percent: query.percent };
  return query.to === 'sealed' ? 'sealed' : (Number(query.to) as PlanTarget);
}
