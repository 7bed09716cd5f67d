import { gateIds, stages, type Verdict } from '@autopilot/cutover-flags';
import { laneIds } from '@autopilot/sync-contract';
import type { Context } from '../context.ts';

const verdicts: readonly Verdict[] = ['fail', 'inconclusive', 'pass'];

/** Sets the gauges of the cutover to what holds now. */
export async function exposeCutover({ metrics, service }: Pick<Context, 'metrics' | 'service'>): Promise<void> {
  const { clock, cutover, receipts, units } = service;
  const state = await cutover.state();
  for (const stage of stages) metrics.set('cutover_stage_info', { stage: `${stage}` }, stage === state.stage ? 1 : 0);
  metrics.set('cutover_stage_revision', {}, state.policy_revision);
  metrics.set('cutover_holds', {}, state.holds.length);
  const counts = await units.counts(await cutover.liveSince());
  for (const lane of laneIds) metrics.set('cutover_units', { lane }, counts[lane]);
  metrics.set('cutover_units_silent', {}, counts.total - counts.live);
  metrics.set('cutover_units_drifting', {}, counts.drifting);
  const byGate = Map.groupBy(await receipts.current(), (receipt) => receipt.observation.gate);
  const now = clock.now();
  for (const gate of gateIds) {
    const own = byGate.get(gate) ?? [];
    const worst = verdicts.find((verdict) => own.some((receipt) => receipt.observation.verdict === verdict));
    for (const verdict of verdicts) metrics.set('cutover_gate_verdict', { gate, verdict }, verdict === worst ? 1 : 0);
    const oldest = Math.min(...own.map((receipt) => receipt.observation.observed_to));
    const age = own.length === 0 ? Number.POSITIVE_INFINITY : Math.max(0, now - oldest) / 1_000;
    metrics.set('cutover_evidence_age_seconds', { gate }, age);
  }
}
