import {
  type Plan,
  type PlanRequirement,
  type PlanTarget,
  stageNames,
  type TriggerClause,
} from '@autopilot/cutover-flags';
import { count, duration, isoTime, shortDigest } from './amounts.ts';
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
        clauses.map(clauseText).join(' and '),
        duration(for_ms),
        valueText('', stage_1),
        valueText('', stage_2),
      ]),
    );
  }
  page.heading('In use');
  page.fields([...Object.entries(plan.environment).map(([name, value]) => [name, valueText(name, value)] as const)]);
  page.heading('Digests');
  page.fields([
    ['plan', plan.digest],
    ['config', plan.config_digest],
  ]);
  if (plan.next_steps.length === 0) return;
  page.heading('Next steps');
  page.list(plan.next_steps);
}

interface Trigger {
  readonly id: string;
  readonly clauses: readonly TriggerClause[];
  readonly for_ms: number;
  readonly stage_1: unknown;
  readonly stage_2: unknown;
}

function clauseText({ signal, above, below, clear }: TriggerClause): string {
  const bounds = [above === null ? '' : `above ${count(above)}`, below === null ? '' : `below ${count(below)}`];
  return `${signal} ${bounds.filter((bound) => bound !== '').join(' or ')} (clear at ${count(clear)})`;
}

/** One requirement: what it is, what was seen, what is wanted, what to do. */
export function showRequirement(page: Page, requirement: PlanRequirement): void {
  const { id, text, status, seen, age_ms, next, wanted } = requirement;
  page.text(`[${status}] ${id}`, tones[status]);
  page.text(text, 'none', 4);
  const age = age_ms === null ? '' : ` (${duration(age_ms)} old)`;
  page.text(`seen: ${seen}${age}`, 'none', 4);
  const values = Object.entries(wanted).map(([name, value]) => `${name} ${valueText(name, value)}`);
  if (values.length > 0) page.text(`wanted: ${values.join(', ')}`, 'dim', 4);
  if (next !== '') page.text(`next: ${next}`, 'strong', 4);
}

const isMoment = /(^|_)(until|at|since|deadline)$/;

/** A value in words; lengths of time, whose names end in `_ms`, and moments as such; digests short. */
export function valueText(name: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'number') return numberText(name, value);
  if (Array.isArray(value)) {
    return value.length === 0
      ? 'none'
      : value.map((item) => (isObject(item) ? `(${valueText('', item)})` : valueText(name, item))).join(', ');
  }
  if (isObject(value)) {
    const parts = Object.entries(value).map(([key, item]) => `${key} ${valueText(key, item)}`);
    return parts.length === 0 ? 'none' : parts.join(', ');
  }
  return shortDigest(`${value}`);
}

function numberText(name: string, value: number): string {
  if (name.endsWith('_ms')) return duration(value);
  if (isMoment.test(name) || name === 'expires_at') return isoTime(value);
  return Number.isInteger(value) ? count(value) : `${value}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
