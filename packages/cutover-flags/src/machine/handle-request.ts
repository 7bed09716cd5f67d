import { type Change, endOf, evidenceOf, type Handlers, refuse, requireFlip } from './change.ts';
import type { TransitionContext } from './command.ts';
import { plan } from './make-plan.ts';
import type { Plan } from './plan.ts';
import { refusalOf } from './refusals.ts';
import type { CutoverState, Flip, FlipTarget } from './state.ts';
import { directionOf } from './steps.ts';

/** Commands that lead to an approved request, and the seal. */
export const requestHandlers: Handlers<'propose' | 'approve' | 'withdraw' | 'seal'> = {
  propose(state, { id, to, reason }, context) {
    if (directionOf(state, to) === 'back') refuse('not_now', 'A way back needs no request: roll back.');
    const current = readyPlan(state, to, context);
    const flip: Flip = {
      id,
      from: state.stage,
      to,
      requester: context.actor,
      reason,
      requested_at: context.now,
      plan_digest: current.digest,
      evidence: evidenceOf(current),
      approvals: [],
      publication: null,
    };
    const status = current.approvals_needed === 0 ? 'approved' : 'requested';
    const data = { id, target: to, plan_digest: current.digest, approvals_needed: current.approvals_needed };
    return { patch: { status, flip }, events: [{ event: 'flip_requested', data, evidence: flip.evidence }] };
  },

  approve(state, { id, plan_digest, reason }, context) {
    const flip = requireFlip(state, id);
    const { actor, now } = context;
    if (actor === flip.requester) refuse('own_approval', `${actor} made this request.`);
    const current = plan(state, flip.to, context.evidence, context.config, now);
    if (plan_digest !== current.digest) {
      refuse('plan_changed', 'The plan that was approved is not the present one.', { digest: current.digest });
    }
    const refusal = refusalOf(current, state, context.config);
    if (refusal !== null) throw refusal;
    const standing = flip.approvals.filter((approval) => approval.plan_digest === current.digest);
    if (standing.some((approval) => approval.by === actor)) {
      refuse('already_approved', `${actor} has approved this plan already.`);
    }
    const voided = flip.approvals.length - standing.length;
    const approvals = [...standing, { by: actor, at: now, plan_digest: current.digest, reason }];
    const enough = approvals.length >= current.approvals_needed;
    const evidence = evidenceOf(current);
    const data = { id, plan_digest: current.digest, approvals: approvals.map((approval) => approval.by) };
    return {
      patch: {
        status: enough ? 'approved' : 'requested',
        flip: { ...flip, plan_digest: current.digest, evidence, approvals },
      },
      events: [
        ...(voided === 0 ? [] : [{ event: 'approvals_voided', data: { id, voided } } as const]),
        { event: 'flip_approved', data, evidence },
        ...(enough ? [{ event: 'flip_ready', data } as const] : []),
      ],
    };
  },

  withdraw(state, { id, reason }, { now }) {
    const flip = requireFlip(state, id);
    return {
      patch: { status: 'idle', flip: null, last_flip: endOf(flip, 'withdrawn', now, reason) },
      events: [{ event: 'flip_withdrawn', data: { id } }],
    };
  },

  seal(state, { id, reason }, context) {
    const flip = requireFlip(state, id);
    if (flip.to !== 'sealed') refuse('not_now', `The request ${id} is for Stage ${flip.to}: advance it.`);
    requireApproved(state, flip, context);
    return {
      patch: { status: 'sealed', flip: null, last_flip: endOf(flip, 'done', context.now, reason) },
      events: [{ event: 'sealed', data: { id }, evidence: flip.evidence, loud: true }],
    };
  },
};

/** Requires that the present plan is ready, is the approved one, and has its approvals by others than the requester. */
export function requireApproved(state: CutoverState, flip: Flip, context: TransitionContext): Plan {
  const current = plan(state, flip.to, context.evidence, context.config, context.now);
  const refusal = refusalOf(current, state, context.config);
  if (refusal !== null) throw refusal;
  if (current.digest !== flip.plan_digest) {
    refuse('plan_changed', 'The plan changed after it was approved.', {
      approved: flip.plan_digest,
      digest: current.digest,
    });
  }
  const others = flip.approvals.filter((each) => each.plan_digest === current.digest && each.by !== flip.requester);
  const count = new Set(others.map((each) => each.by)).size;
  if (count < current.approvals_needed) {
    refuse('approvals_missing', `${count} of ${current.approvals_needed} approvals are there.`);
  }
  return current;
}

/** Ends a request whose time is up, or voids approvals of a plan that is no longer the present one; null when neither. */
export function recheck(state: CutoverState, context: TransitionContext): Change | null {
  const { flip } = state;
  if (flip === null) return null;
  const { now, config, evidence } = context;
  if (now >= flip.requested_at + config.request_ttl_ms) {
    const reason = 'The request was not carried out in time.';
    return {
      patch: { status: 'idle', flip: null, last_flip: endOf(flip, 'expired', now, reason) },
      events: [{ event: 'flip_expired', data: { id: flip.id }, reason }],
    };
  }
  const current = plan(state, flip.to, evidence, config, now);
  if (current.digest === flip.plan_digest) return null;
  const reason = 'Evidence, configuration or state changed: another plan needs approvals of its own.';
  const data = { id: flip.id, voided: flip.approvals.length, before: flip.plan_digest, plan_digest: current.digest };
  return {
    patch: {
      status: current.approvals_needed === 0 ? 'approved' : 'requested',
      flip: { ...flip, plan_digest: current.digest, evidence: evidenceOf(current), approvals: [] },
    },
    events: [{ event: 'approvals_voided', data, reason }],
  };
}

function readyPlan(state: CutoverState, to: FlipTarget, context: TransitionContext): Plan {
  const current = plan(state, to, context.evidence, context.config, context.now);
  const refusal = refusalOf(current, state, context.config);
  if (refusal !== null) throw refusal;
  return current;
}
