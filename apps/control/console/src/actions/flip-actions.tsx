import type { Flip, Plan } from '@autopilot/cutover-flags';
import { call } from '../api.ts';
import { Digest } from '../parts/common.tsx';
import { EffectList, RequirementList } from '../parts/requirements.tsx';
import type { Action, FormInput } from './action.ts';
import { CheckField } from './fields.tsx';

const base = { tone: 'plain', method: 'POST', initial: {}, fields: null, review: null, command: true } as const;

/** Where a target leads, in words. */
export function targetName(to: Flip['to'] | null): string {
  return to === 'sealed' ? 'the seal on Stage 3' : `Stage ${to ?? '?'}`;
}

/** Asks for the next step. */
export function requestAction(to: Flip['to']): Action {
  return {
    ...base,
    key: `request-${to}`,
    title: `Request ${targetName(to)}`,
    confirm: 'Request',
    path: () => '/v1/cutover/requests',
    body: () => ({ to }),
    about: ({ snapshot: { plan } }) =>
      plan !== null && (
        <>
          <p>
            {plan.approvals_needed === 1 ? 'One other person has' : `${plan.approvals_needed} others have`} to approve
            it before anything changes. You cannot approve it yourself.
          </p>
          <PlanDigest plan={plan} />
          <EffectList effects={plan.effects} />
        </>
      ),
  };
}

/** Approves the plan that is shown, and no other. */
export function approveAction(flip: Flip): Action {
  return {
    ...base,
    key: `approve-${flip.id}`,
    title: `Approve ${targetName(flip.to)}`,
    confirm: 'Approve this plan',
    path: () => `/v1/cutover/requests/${encodeURIComponent(flip.id)}/approvals`,
    body: ({ snapshot: { plan } }) =>
      plan === null ? 'There is no plan to approve any more.' : { plan_digest: plan.digest },
    about: ({ snapshot: { plan, status } }) =>
      plan !== null && (
        <>
          <p>
            {flip.requester} asked for it: <q>{flip.reason}</q>
          </p>
          <PlanDigest plan={plan} />
          {status.state.flip !== null && plan.digest !== status.state.flip.plan_digest && (
            <p className="said" data-tone="warn">
              The plan is not the one that was requested: evidence, configuration or state changed since. Approvals of
              the other plan do not count for this one.
            </p>
          )}
          <EffectList effects={plan.effects} />
          <details open>
            <summary>{plan.requirements.length} requirements that this approval stands for</summary>
            <RequirementList requirements={plan.requirements} brief />
          </details>
        </>
      ),
  };
}

/** Carries an approved request out. */
export function advanceAction(flip: Flip): Action {
  return {
    ...base,
    key: `advance-${flip.id}`,
    title: flip.to === 'sealed' ? 'Seal Stage 3' : `Advance to ${targetName(flip.to)}`,
    confirm: flip.to === 'sealed' ? 'Seal' : 'Advance now',
    path: () => `/v1/cutover/requests/${encodeURIComponent(flip.id)}/advance`,
    body: ({ draft }) => (flip.to === 'sealed' ? {} : { drain: draft.drain === 'yes' }),
    fields: flip.to === 'sealed' ? null : (input) => <Drain {...input} />,
    about: ({ snapshot: { plan } }) => (
      <>
        <p>
          Approved by {flip.approvals.map((approval) => approval.by).join(' and ') || 'nobody: none is needed'}. This
          {flip.to === 'sealed' ? ' cannot be taken back.' : ' publishes the policy to every unit.'}
        </p>
        {plan !== null && <EffectList effects={plan.effects} />}
      </>
    ),
  };
}

/** Takes a request back. */
export function withdrawAction(flip: Flip): Action {
  return {
    ...base,
    key: `withdraw-${flip.id}`,
    title: 'Withdraw the request',
    confirm: 'Withdraw',
    path: () => `/v1/cutover/requests/${encodeURIComponent(flip.id)}/withdraw`,
    body: () => ({}),
    about: () => <p>The request for {targetName(flip.to)} and its approvals are gone. Nothing else changes.</p>,
  };
}

/** Lets control look at what it has observed and sign what it saw. */
export function evaluateAction(gate: string): Action {
  return {
    ...base,
    key: `evaluate-${gate}`,
    title: `Evaluate the gate ${gate}`,
    confirm: 'Evaluate',
    path: () => `/v1/cutover/gates/${encodeURIComponent(gate)}/evaluate`,
    command: false,
    body: () => ({}),
    about: () => (
      <p>
        Control looks at what the units have reported so far, signs what it saw with its own key, and keeps it as the
        last receipt of this gate, whatever the verdict.
      </p>
    ),
  };
}

/** Whether sessions keep their lane until they end. */
export function Drain({ draft, set }: FormInput) {
  return (
    <CheckField
      label="Move running sessions at once (otherwise a session keeps the lane it began with)"
      checked={draft.drain === 'yes'}
      onChange={(checked) => set('drain', checked ? 'yes' : '')}
    />
  );
}

function PlanDigest({ plan }: { readonly plan: Plan }) {
  return (
    <p>
      Plan <Digest of={plan.digest} />, {plan.ready ? 'ready' : 'not ready: control will refuse it'}.
    </p>
  );
}

/** A dry run of any target. */
export async function planFor(to: object | number | string): Promise<Plan | null> {
  const answer = await call<{ plan: Plan }>('POST', '/v1/cutover/plan', { to });
  return answer.kind === 'done' ? answer.body.plan : null;
}
