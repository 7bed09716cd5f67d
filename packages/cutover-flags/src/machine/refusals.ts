import { CutoverError, type CutoverErrorCode } from '../errors.ts';
import type { CutoverConfig } from './config.ts';
import { satisfied } from './make-plan.ts';
import type { Plan, PlanRequirement } from './plan.ts';
import type { CutoverState } from './state.ts';
import { orderProblem } from './steps.ts';

/** The refusal that a plan which is not ready stands for: of its first requirement that is not met. Null when ready. */
export function refusalOf(plan: Plan, state: CutoverState, config: CutoverConfig): CutoverError | null {
  const unmet = plan.requirements.filter((each) => !satisfied(each));
  const [first] = unmet;
  if (first === undefined) return null;
  const code = first.id === 'order' ? (orderProblem(state, plan.to, config)?.code ?? 'not_now') : codeOf(first);
  return new CutoverError(code, `${first.text} ${first.seen}`.trim(), {
    details: {
      unmet: unmet.map(({ id, status, seen, next }) => ({ id, status, seen, next })),
      ...(code === 'cooling_down' ? { until: state.cooldown_until } : {}),
    },
  });
}

const byId: Readonly<Record<string, CutoverErrorCode>> = {
  holds: 'held',
  cooldown: 'cooling_down',
  target: 'empty_target',
  'reverse-path': 'no_way_back',
  'gate:rollback-drill': 'no_way_back',
};

function codeOf({ id, status }: PlanRequirement): CutoverErrorCode {
  const own = byId[id];
  if (own !== undefined) return own;
  if (!id.startsWith('gate:')) return 'plan_not_ready';
  if (status === 'failed') return 'gate_failed';
  if (status === 'stale') return 'evidence_stale';
  return status === 'inconclusive' ? 'evidence_inconclusive' : 'evidence_missing';
}
