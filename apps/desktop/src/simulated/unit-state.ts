import type { Core } from '../start-core.ts';

/** What one simulated desktop says of itself; sequences are decimal text. */
export interface SimulatedUnit {
  readonly unit: string;
  readonly client_id: string;
  /** The lane that is shown; null before the start. */
  readonly lane: string | null;
  /** The lane that brought the last event. */
  readonly last_lane: string | null;
  readonly rule: string;
  readonly stage: number | null;
  /** Of the policy; null without one. */
  readonly revision: number | null;
  readonly phase: string;
  readonly session: string;
  readonly lanes: Readonly<
    Record<string, { readonly role: string; readonly state: string | null; readonly lag: string | null }>
  >;
  readonly applied: number;
  readonly duplicates: number;
  readonly gaps: number;
  readonly conflicts: number;
  readonly resets: number;
  readonly handovers: { readonly done: number; readonly failed: number; readonly longest_ms: number | null };
  readonly dropped: number;
  readonly overlap: number;
  readonly refused_writes: number;
  readonly heartbeats: { readonly sent: number; readonly failed: number };
  readonly parity: Readonly<Record<string, number>> | null;
  /** The lane that this unit reads twice, whether it does so now, and what the two readers brought; null for no such. */
  readonly null_run: {
    readonly pair: string;
    readonly running: boolean;
    readonly told: number;
    readonly counts: Readonly<Record<string, number>>;
    readonly unequal_chains: number;
  } | null;
  readonly alarms: readonly string[];
  readonly chains: Readonly<
    Record<string, { readonly epoch: string | null; readonly seq: string; readonly chain: string }>
  >;
}

/** A snapshot of one core. */
export function unitState(clientId: string, core: Core): SimulatedUnit {
  const { connection, totals, streams, alarms } = core.view.snapshot();
  const { unit, stage, policy, decision, router, heartbeat, parity, null_run } = core.comms.state();
  const done = router.handovers.filter(({ outcome }) => outcome === 'done').map(({ took_ms }) => took_ms);
  return {
    ...{ unit, client_id: clientId, lane: router.active, last_lane: connection.lane, rule: decision.rule, stage },
    ...{ revision: policy?.revision ?? null, phase: router.phase, session: connection.state },
    lanes: Object.fromEntries(
      router.lanes.map(({ id, role, state, lag_events }) => [id, { role, state, lag: lag_events?.toString() ?? null }]),
    ),
    ...{ applied: totals.applied, duplicates: totals.duplicates, gaps: totals.gaps, conflicts: totals.conflicts },
    resets: totals.resets,
    handovers: { done: router.done, failed: router.failed, longest_ms: done.length === 0 ? null : Math.max(...done) },
    ...{ dropped: router.dropped_events, overlap: router.overlap_events, refused_writes: router.refused_writes },
    heartbeats: { sent: heartbeat.sent, failed: heartbeat.failed },
    parity:
      parity === null ? null : { ...parity.counts, pending: parity.pending, unequal_chains: parity.unequal_chains },
    null_run: null_run && {
      ...{ pair: null_run.pair, running: null_run.running, told: null_run.told },
      ...{ counts: { ...null_run.counts }, unequal_chains: null_run.unequal_chains },
    },
    alarms: alarms.map(({ code }) => code),
    chains: Object.fromEntries(
      streams.map(({ stream_id, epoch, seq, chain }) => [stream_id, { epoch, seq: seq.toString(), chain }]),
    ),
  };
}
