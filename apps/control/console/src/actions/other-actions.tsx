import type { Hold, Waiver } from '@autopilot/cutover-flags';
import { useEffect, useState } from 'react';
import type { Plan } from '@autopilot/cutover-flags';
import { formatSpan } from '../format.ts';
import { EffectList, RequirementList } from '../parts/requirements.tsx';
import type { Action, FormInput } from './action.ts';
import { Drain, planFor } from './flip-actions.tsx';
import { SelectField, TextField } from './fields.tsx';
import { untilOf, wordsOf } from './typed.ts';

const base = { tone: 'plain', method: 'POST', initial: {}, fields: null, review: null, command: true } as const;

/** The next larger share. */
export function cohortAction(percent: number): Action {
  return {
    ...base,
    key: `cohort-${percent}`,
    title: `Enlarge the cohort to ${percent} %`,
    confirm: `Set ${percent} %`,
    path: () => '/v1/cutover/cohort',
    body: ({ draft }) => {
      const cap = (draft.cap ?? '').trim();
      if (cap !== '' && cap !== 'none' && !/^\d+$/.test(cap)) return 'The cap is a whole number, none, or left empty.';
      return {
        percent,
        drain: draft.drain === 'yes',
        ...(cap === '' ? {} : { cap: cap === 'none' ? cap : Number(cap) }),
      };
    },
    about: () => <CohortPlan percent={percent} />,
    fields: (input) => (
      <>
        <TextField
          label="Cap"
          hint="The most units that the share may bring in; none for no bound; empty leaves it as it is."
          value={input.draft.cap ?? ''}
          onChange={(value) => input.set('cap', value)}
        />
        <Drain {...input} />
      </>
    ),
  };
}

function CohortPlan({ percent }: { readonly percent: number }) {
  const [plan, setPlan] = useState<Plan | null | 'reading'>('reading');
  useEffect(() => void planFor({ percent }).then(setPlan), [percent]);
  if (plan === 'reading') return <p className="quiet">Reading the plan …</p>;
  if (plan === null) return <p>The plan cannot be read now.</p>;
  return (
    <>
      <EffectList effects={plan.effects} />
      <RequirementList requirements={plan.requirements} brief />
    </>
  );
}

/** Starts the emergency of Stage 2. */
export const fallbackAction: Action = {
  ...base,
  key: 'fallback',
  title: 'Start the emergency fallback',
  confirm: 'Start the fallback',
  tone: 'danger',
  path: () => '/v1/cutover/fallback',
  initial: { hours: '2', units: 'all' },
  about: ({ snapshot: { facts } }) => (
    <p>
      The units go back to khala at once, for a time: at most {formatSpan(facts.config.emergency.max_ms)}. It resets the
      releases that count towards Stage 3, and somebody else has to clear the emergency afterwards.
    </p>
  ),
  fields: ({ draft, set }) => (
    <>
      <TextField label="Incident" value={draft.incident ?? ''} onChange={(value) => set('incident', value)} />
      <div className="field-row">
        <TextField
          label="Units"
          hint="all, or ids separated by commas."
          value={draft.units ?? ''}
          onChange={(value) => set('units', value)}
        />
        <TextField label="Hours" inputMode="decimal" value={draft.hours ?? ''} onChange={(v) => set('hours', v)} />
      </div>
    </>
  ),
  body: ({ draft, snapshot }) => {
    const incident = (draft.incident ?? '').trim();
    const units = wordsOf(draft.units);
    const until = untilOf(draft.hours, snapshot.status.now);
    if (incident === '') return 'Name the incident.';
    if (units.length === 0) return 'Name units, or all.';
    if (until === null) return 'Say for how many hours.';
    return { incident, expires_at: until, units: units.length === 1 && units[0] === 'all' ? 'all' : units };
  },
};

export const endFallbackAction: Action = {
  ...base,
  key: 'fallback-end',
  title: 'End the fallback',
  confirm: 'End it now',
  method: 'DELETE',
  path: () => '/v1/cutover/fallback',
  body: () => ({}),
  about: () => <p>The units go back to spacetime. The emergency stays open until somebody else clears it.</p>,
};

export function releaseHoldAction({ trigger, reason }: Hold): Action {
  return {
    ...base,
    key: `hold-${trigger}`,
    title: `Release the hold ${trigger}`,
    confirm: 'Release',
    path: () => `/v1/cutover/holds/${encodeURIComponent(trigger)}/release`,
    body: () => ({}),
    about: () => (
      <p>
        It was placed because: {reason} Release it when that is understood; the trigger acts again when it is seen
        again.
      </p>
    ),
  };
}

export const waiveAction: Action = {
  ...base,
  key: 'waive',
  title: 'Waive a gate',
  confirm: 'Waive',
  path: () => '/v1/cutover/waivers',
  initial: { hours: '24' },
  about: ({ snapshot: { facts } }) => (
    <p>
      Somebody answers for a gate that is not met, for at most {formatSpan(facts.config.waivers.max_ms)}. Stage 3 takes
      no waiver, and the gates on traffic cannot be waived at all.
    </p>
  ),
  fields: (input) => <WaiverFields {...input} />,
  body: ({ draft, snapshot }) => {
    const gate = draft.gate ?? waivable(snapshot)[0] ?? '';
    const owner = (draft.owner ?? '').trim();
    const until = untilOf(draft.hours, snapshot.status.now);
    if (owner === '') return 'Name who answers for it.';
    return until === null ? 'Say for how many hours.' : { gate, owner, expires_at: until };
  },
};

function waivable({ facts }: FormInput['snapshot']): readonly string[] {
  return Object.entries(facts.config.gates).flatMap(([gate, { waivable: may }]) => (may ? [gate] : []));
}

function WaiverFields({ draft, set, snapshot }: FormInput) {
  const gates = waivable(snapshot).map((gate) => ({ value: gate, label: gate }));
  return (
    <>
      <SelectField
        label="Gate"
        value={draft.gate ?? gates[0]?.value ?? ''}
        options={gates}
        onChange={(v) => set('gate', v)}
      />
      <div className="field-row">
        <TextField
          label="Owner"
          hint="Who answers for it."
          value={draft.owner ?? ''}
          onChange={(v) => set('owner', v)}
        />
        <TextField label="Hours" inputMode="decimal" value={draft.hours ?? ''} onChange={(v) => set('hours', v)} />
      </div>
    </>
  );
}

export function endWaiverAction(waiver: Waiver): Action {
  const emergency = waiver.kind === 'emergency';
  const id = encodeURIComponent(waiver.id);
  return {
    ...base,
    key: `waiver-${waiver.id}`,
    title: emergency ? `Clear the emergency ${waiver.incident ?? waiver.id}` : `End the waiver of ${waiver.gate}`,
    confirm: emergency ? 'Clear it' : 'End it',
    method: emergency ? 'POST' : 'DELETE',
    path: () => (emergency ? `/v1/cutover/emergencies/${id}/clear` : `/v1/cutover/waivers/${id}`),
    body: () => ({}),
    about: () => (
      <p>
        {waiver.owner} answers for it: <q>{waiver.reason}</q>
      </p>
    ),
  };
}

export const releaseAction: Action = {
  ...base,
  key: 'release',
  title: 'Count a release',
  confirm: 'Count it',
  path: () => '/v1/cutover/releases',
  about: ({ snapshot: { facts } }) => (
    <p>
      A release that has been in use for {formatSpan(facts.config.release.min_cycle_ms)} without a fallback.{' '}
      {facts.config.release.cycles} in a row are needed for Stage 3.
    </p>
  ),
  fields: ({ draft, set }) => (
    <TextField label="Release" value={draft.release ?? ''} onChange={(value) => set('release', value)} />
  ),
  body: ({ draft }) => {
    const release = (draft.release ?? '').trim();
    return release === '' ? 'Name the release.' : { release };
  },
};
