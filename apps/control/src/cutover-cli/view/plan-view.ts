import { type Plan, type PlanRequirement, type PlanTarget, stageNames } from '@autopilot/cutover-flags';
import { count, duration } from './amounts.ts';
import type { Page } from './page.ts';
import type { Tone } from './style.ts';

const tones: Readonly<Record<PlanRequirement['status'], Tone>> = {
  met: 'good',
  waived: 'warn',
  'not-applicable': 'dim',
  missing: 'bad',
  stale: 'bad',
  failed: 'bad',
  inconclusive: 'bad',
};

/** A target in words. */
export function targetText(to: PlanTarget): string {
  if (to === 'sealed') return 'the seal on Stage 3';
  return typeof to === 'object' ? `${to.percent} % of the units` : `Stage ${to} (${stageNames[to]})`;
}

/** Every effect, requirement and value of a plan. */
export function showPlan(page: Page, plan: Plan): void {
  page.title(`Plan: Stage ${plan.from.stage}, ${plan.from.percent} %  ->  ${targetText(plan.to)}`);
  const unmet = plan.requirements.filter(({ status }) => tones[status] === 'bad');
  if (plan.ready) page.text('Ready.', 'good');
  else page.text(`Not ready: ${unmet.length} of ${plan.requirements.length} requirements are not met.`, 'bad');
  page.heading('Effects');
  if (plan.effects.length === 0) page.text('None.');
  page.list(plan.effects.map(({ text }) => text));
  page.heading('Requirements');
  for (const requirement of plan.requirements) showRequirement(page, requirement);
  page.heading('Values');
  page.fields([
    ['approvals', `${plan.approvals_needed} by others than the requester`],
    ...Object.entries(plan.values)
      .filter(([name]) => name !== 'triggers')
      .map(([name, value]) => [name, valueText(name, value)] as const),
  ]);
  const triggers = plan.values.triggers;
  if (Array.isArray(triggers)) {
    page.heading('Triggers');
    page.table(
      [
        { head: 'trigger' },
        { head: 'when', least: 20 },
        { head: 'for' },
        { head: 'stage 1', least: 8 },
        { head: 'stage 2', least: 8 },
      ],
      (triggers as unknown as readonly Trigger[]).map(({ id, clauses, for_ms, stage_1, stage_2 }) => [
        id,
        clauses.map((clause) => valueText('', clause)).join(' and '),
        duration(for_ms),
        valueText('', stage_1),
        valueText('', stage_2),
      ]),
    );
  }
  page.heading('In use');
  page.fields([
    ...Object.entries(plan.environment).map(([name, value]) => [name, valueText(name, value)] as const),
    ['configuration', plan.config_digest],
    ['digest of the plan', plan.digest],
  ]);
  if (plan.next_steps.length === 0) return;
  page.heading('Next steps');
  page.list(plan.next_steps);
}

interface Trigger {
  readonly id: string;
  readonly clauses: readonly Readonly<Record<string, unknown>>[];
  readonly for_ms: number;
  readonly stage_1: unknown;
  readonly stage_2: unknown;
}

/** One requirement: what it is, what was seen, what is wanted, what to do. */
export function showRequirement(page: Page, requirement: PlanRequirement): void {
  const { id, text, status, seen, age_ms, next, wanted } = requirement;
  page.text(`${status.toUpperCase()}  ${id}`, tones[status]);
  page.text(text, 'none', 4);
  const age = age_ms === null ? '' : ` (${duration(age_ms)} old)`;
  page.text(`seen: ${seen}${age}`, 'none', 4);
  const values = Object.entries(wanted).map(([name, value]) => `${name} ${valueText(name, value)}`);
  if (values.length > 0) page.text(`wanted: ${values.join(', ')}`, 'dim', 4);
  if (next !== '') page.text(`next: ${next}`, 'strong', 4);
}

/** A value of the configuration in words; times, whose names end in `_ms`, as lengths. */
export function valueText(name: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'number')
    return name.endsWith('_ms') ? duration(value) : Number.isInteger(value) ? count(value) : `${value}`;
  if (Array.isArray(value)) {
    return value.length === 0
      ? 'none'
      : value.map((item) => (isObject(item) ? `(${valueText('', item)})` : valueText(name, item))).join(', ');
  }
  if (isObject(value)) {
    const parts = Object.entries(value).map(([key, item]) => `${key} ${valueText(key, item)}`);
    return parts.length === 0 ? 'none' : parts.join(', ');
  }
  return `${value}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
