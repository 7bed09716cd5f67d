import type { LaneId, Ports } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { Handover } from './router-status.ts';

/** The attempts to change lanes, newest last and bounded. */
export interface HandoverLog {
  readonly done: number;
  readonly failed: number;
  readonly handovers: readonly Handover[];
  /** An attempt begins now. */
  began(): void;
  ended(from: LaneId, to: LaneId, rule: string, outcome: Handover['outcome'], reason: string | null): void;
}

const kept = 50;

/** No attempt was made yet. */
export function createHandoverLog({ clock }: Pick<Ports, 'clock'>, log: Log): HandoverLog {
  const counts = { done: 0, failed: 0, abandoned: 0 };
  let handovers: readonly Handover[] = [];
  let since = 0;
  return {
    get done() {
      return counts.done;
    },
    get failed() {
      return counts.failed;
    },
    get handovers() {
      return handovers;
    },
    began() {
      since = clock.monotonic();
    },
    ended(from, to, rule, outcome, reason) {
      const took_ms = clock.monotonic() - since;
      const handover = { at: clock.now(), from, to, rule, outcome, took_ms, reason };
      counts[outcome] += 1;
      handovers = [...handovers, handover].slice(-kept);
      const loud = outcome === 'failed' || reason !== null;
      log[loud && outcome !== 'abandoned' ? 'warn' : 'info']({ ...handover }, `handover ${outcome}`);
    },
  };
}
