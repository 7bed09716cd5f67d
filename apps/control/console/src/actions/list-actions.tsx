import type { CohortEntry } from '@autopilot/cutover-flags';
import type { Action } from './action.ts';
import { SelectField, TextField } from './fields.tsx';
import { Drain } from './flip-actions.tsx';
import { untilOf, wordsOf } from './typed.ts';

/** The lists of the cohort: units that are on a lane whatever their share. */
export type ListName = 'include' | 'exclude';

const lists = [
  { value: 'include', label: 'Include: on spacetime, whatever the share' },
  { value: 'exclude', label: 'Exclude: on khala, whatever flag and share' },
] as const;

const base = { method: 'POST', path: () => '/v1/cutover/cohort', review: null, command: true } as const;

/** Puts units on a list for a time. A unit that is on it already gets the new time and reason. */
export const listAction: Action = {
  ...base,
  key: 'cohort-list',
  title: 'Put units on a list',
  confirm: 'Put them there',
  tone: 'plain',
  initial: { list: 'include', hours: '24' },
  about: () => <p>Units on a list keep the lane it names until their time is over; then the share decides again.</p>,
  fields: (input) => (
    <>
      <SelectField
        label="List"
        value={listOf(input.draft.list)}
        options={lists}
        onChange={(value) => input.set('list', value)}
      />
      <div className="field-row">
        <TextField
          label="Units"
          hint="Ids, separated by commas."
          value={input.draft.units ?? ''}
          onChange={(value) => input.set('units', value)}
        />
        <TextField
          label="Hours"
          inputMode="decimal"
          value={input.draft.hours ?? ''}
          onChange={(value) => input.set('hours', value)}
        />
      </div>
      <Drain {...input} />
    </>
  ),
  body: ({ draft, snapshot: { status } }) => {
    const list = listOf(draft.list);
    const units = wordsOf(draft.units);
    const until = untilOf(draft.hours, status.now);
    if (units.length === 0) return 'Name at least one unit.';
    if (until === null) return 'Say for how many hours.';
    const reason = (draft.reason ?? '').trim().slice(0, 500);
    const kept = status.state.cohort[list].filter(({ unit }) => !units.includes(unit));
    const entries = [...kept, ...units.map((unit) => ({ unit, until, reason }))];
    return { [list]: entries, ...(draft.drain === 'yes' ? { drain: true } : {}) };
  },
};

/** Takes one unit off a list: the share decides again. */
export function delistAction(list: ListName, { unit, reason }: CohortEntry): Action {
  return {
    ...base,
    key: `delist-${list}-${unit}`,
    title: `Take ${unit} off the ${list} list`,
    confirm: 'Take it off',
    tone: 'plain',
    initial: {},
    about: () => (
      <p>
        It is there because: <q>{reason}</q> From then on the share decides for it.
      </p>
    ),
    fields: (input) => <Drain {...input} />,
    body: ({ draft, snapshot: { status } }) => ({
      [list]: status.state.cohort[list].filter((entry) => entry.unit !== unit),
      ...(draft.drain === 'yes' ? { drain: true } : {}),
    }),
  };
}

function listOf(typed: string | undefined): ListName {
  return typed === 'exclude' ? 'exclude' : 'include';
}
