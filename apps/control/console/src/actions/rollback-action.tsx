import { useEffect, useState } from 'react';
import type { Plan } from '@autopilot/cutover-flags';
import { EffectList } from '../parts/requirements.tsx';
import { formatCount } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import type { Action, FormInput } from './action.ts';
import type { Draft } from './drafts.ts';
import { Drain, planFor } from './flip-actions.tsx';
import { SelectField, TextField } from './fields.tsx';
import { untilOf, wordsOf } from './typed.ts';

/** What can be gone back to from here. */
function ways({ status, facts }: Snapshot): readonly { readonly value: string; readonly label: string }[] {
  const { stage, cohort } = status.state;
  const stages = [2, 1, 0].filter((to) => to < stage).map((to) => ({ value: `stage-${to}`, label: `Stage ${to}` }));
  if (stage !== 1) return stages;
  const smaller = [...new Set([0, ...facts.config.cohort.steps])].filter((step) => step < cohort.percent).reverse();
  return [
    ...smaller.map((step) => ({ value: `cohort-${step}`, label: `A share of ${step} %, still Stage 1` })),
    ...stages,
    { value: 'units', label: 'Single units, for a time' },
  ];
}

/** Why there is no way back; null when there is one. */
export function noWayBack(snapshot: Snapshot): string | null {
  const { state } = snapshot.status;
  if (state.sealed) return 'Stage 3 is sealed: only a release that is reverted brings the old lane back.';
  return ways(snapshot).length === 0 ? 'Stage 0 is the first stage: there is nothing to go back to.' : null;
}

function targetOf(draft: Draft, snapshot: Snapshot): object | string {
  const way = wayOf(draft, snapshot);
  const [kind, value] = way.split('-');
  if (kind === 'stage') return { kind: 'stage', stage: Number(value), percent: null };
  if (kind === 'cohort') return { kind: 'cohort', percent: Number(value) };
  const units = wordsOf(draft.units);
  const until = untilOf(draft.hours, snapshot.status.now);
  if (units.length === 0) return 'Name at least one unit.';
  return until === null ? 'Say for how many hours.' : { kind: 'units', units, until };
}

function wayOf(draft: Draft, snapshot: Snapshot): string {
  const all = ways(snapshot);
  return all.find(({ value }) => value === draft.way)?.value ?? all[0]?.value ?? '';
}

/** Goes back. Needs no evidence and no approval; asks twice. */
export const rollbackAction: Action = {
  key: 'rollback',
  title: 'Roll back',
  confirm: 'Roll back now',
  tone: 'danger',
  method: 'POST',
  path: () => '/v1/cutover/rollback',
  initial: { hours: '24', drain: 'yes' },
  command: true,
  about: () => <p>A way back needs no evidence and no approval. It takes effect when each unit next asks.</p>,
  fields: (input) => <RollbackFields {...input} />,
  body: ({ draft, snapshot }) => {
    const none = noWayBack(snapshot);
    if (none !== null) return none;
    const target = targetOf(draft, snapshot);
    return typeof target === 'string' ? target : { target, drain: draft.drain === 'yes' };
  },
  review: (input) => <RollbackReview {...input} />,
};

function RollbackFields(input: FormInput) {
  const { draft, set, snapshot } = input;
  const way = wayOf(draft, snapshot);
  return (
    <>
      <SelectField label="Back to" value={way} options={ways(snapshot)} onChange={(value) => set('way', value)} />
      {way === 'units' && (
        <div className="field-row">
          <TextField
            label="Units"
            hint="Ids, separated by commas."
            value={draft.units ?? ''}
            onChange={(value) => set('units', value)}
          />
          <TextField
            label="Hours"
            inputMode="decimal"
            value={draft.hours ?? ''}
            onChange={(value) => set('hours', value)}
          />
        </div>
      )}
      <Drain {...input} />
    </>
  );
}

function RollbackReview({ draft, snapshot }: FormInput) {
  const [plan, setPlan] = useState<Plan | null | 'reading'>('reading');
  const way = wayOf(draft, snapshot);
  const { lanes } = snapshot.status.units;
  useEffect(() => {
    const [kind, value] = way.split('-');
    if (kind === 'units') return setPlan(null);
    void planFor(kind === 'cohort' ? { percent: Number(value) } : Number(value)).then(setPlan);
  }, [way]);
  return (
    <>
      <p>
        <strong>{ways(snapshot).find(({ value }) => value === way)?.label}.</strong> At present{' '}
        {formatCount(lanes.spacetime)} live units are on spacetime and {formatCount(lanes.khala)} on khala. Running
        sessions {draft.drain === 'yes' ? 'move at once' : 'keep the lane they began with'}.
      </p>
      {plan === 'reading' && <p className="quiet">Reading what it will do …</p>}
      {plan !== null && plan !== 'reading' && <EffectList effects={plan.effects} />}
      {way === 'units' && <p>The units named are on khala for {draft.hours} hours, whatever flag and cohort say.</p>}
    </>
  );
}
