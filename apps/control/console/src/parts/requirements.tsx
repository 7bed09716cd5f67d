import type { PlanEffect, PlanRequirement } from '@autopilot/cutover-flags';
import { formatSpan, humanise } from '../format.ts';
import { requirementWords } from '../tones.ts';
import { Badge } from './icon.tsx';

/** What a plan does, in order. */
export function EffectList({ effects }: { readonly effects: readonly PlanEffect[] }) {
  if (effects.length === 0) return <p className="empty">It would change nothing.</p>;
  return (
    <ul className="effects">
      {effects.map(({ id, text }) => (
        <li key={id}>{humanise(text)}</li>
      ))}
    </ul>
  );
}

/** What a plan needs, the unmet first; `brief` leaves out what was seen of those that are met. */
export function RequirementList(props: {
  readonly requirements: readonly PlanRequirement[];
  readonly brief?: boolean;
}) {
  const rank = (each: PlanRequirement) => ['met', 'not-applicable', 'waived'].indexOf(each.status);
  const sorted = [...props.requirements].sort((a, b) => Number(rank(a) >= 0) - Number(rank(b) >= 0));
  return (
    <ul className="requirements">
      {sorted.map((each) => (
        <Requirement key={each.id} of={each} brief={props.brief === true && rank(each) >= 0} />
      ))}
    </ul>
  );
}

function Requirement({ of, brief }: { readonly of: PlanRequirement; readonly brief: boolean }) {
  const { word, tone } = requirementWords[of.status];
  const limit = of.wanted.max_age_ms;
  return (
    <li data-requirement={of.id} data-status={of.status}>
      <Badge tone={tone}>{word}</Badge>
      <div>
        <p className="requirement-text">{humanise(of.text)}</p>
        {!brief && (
          <p className="quiet">
            {humanise(of.seen)}
            {of.age_ms !== null && ` ${formatSpan(of.age_ms)} old`}
            {of.age_ms !== null && typeof limit === 'number' && `, counts for ${formatSpan(limit)}`}
            {of.age_ms !== null && '.'}
          </p>
        )}
        {of.next !== '' && (
          <p className="next">
            <span className="arrow" aria-hidden="true">
              →
            </span>{' '}
            {humanise(of.next)}
          </p>
        )}
      </div>
    </li>
  );
}
