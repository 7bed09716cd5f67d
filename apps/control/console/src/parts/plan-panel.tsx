import { ActionButton } from '../actions/action-button.tsx';
import { requestAction, targetName } from '../actions/flip-actions.tsx';
import { humanise } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { Digest, Empty, Panel } from './common.tsx';
import { Badge } from './icon.tsx';
import { EffectList, RequirementList } from './requirements.tsx';

/** The dry run of the next step, and asking for it. */
export function PlanPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const { plan, status } = snapshot;
  const { next_target: to, state } = status;
  if (plan === null || to === null) {
    return (
      <Panel id="plan" title="Next step">
        <Empty>There is none: Stage 3 is sealed, and every unit is on spacetime for good.</Empty>
      </Panel>
    );
  }
  const met = plan.requirements.filter(({ status: each }) => ['met', 'waived', 'not-applicable'].includes(each));
  return (
    <Panel
      id="plan"
      title={`Next step: ${targetName(to)}`}
      note={
        <>
          plan <Digest of={plan.digest} />
        </>
      }
      side={
        <ActionButton
          action={requestAction(to)}
          label={`Request ${targetName(to)} …`}
          strong
          blocked={state.status === 'idle' ? (plan.ready ? null : 'Not ready yet.') : 'A request is under way.'}
        />
      }
    >
      <p className="readiness">
        <Badge tone={plan.ready ? 'good' : 'bad'}>{plan.ready ? 'Ready' : 'Not ready'}</Badge>
        <span>
          {met.length} of {plan.requirements.length} requirements are in order. {plan.approvals_needed} approvals by
          others are needed.
        </span>
      </p>
      {plan.next_steps.length > 0 && (
        <div className="next-steps">
          <h3>What to do next</h3>
          <ol>
            {plan.next_steps.map((step) => (
              <li key={step}>{humanise(step)}</li>
            ))}
          </ol>
        </div>
      )}
      <h3>Requirements</h3>
      <RequirementList requirements={plan.requirements} />
      <details>
        <summary>What it does</summary>
        <EffectList effects={plan.effects} />
      </details>
    </Panel>
  );
}
