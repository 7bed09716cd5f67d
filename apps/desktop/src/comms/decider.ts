import { type CutoverPolicy, type Decision, decide, type HeldPolicy, unitOf } from '@autopilot/cutover-flags';
import type { Cancel, Ports } from '@autopilot/sync-contract';

/** Decides again whenever something that decides has changed. */
export interface Decider {
  readonly decision: Decision;
  readonly policy: CutoverPolicy | null;
  /** Something has changed; tells the listener when the decision, or how it is to be carried out, is another one. */
  look(): void;
  close(): void;
}

export interface DeciderOptions {
  readonly ports: Ports;
  readonly unit: string;
  readonly flag: string | undefined;
  /** Whether this build holds the khala lane and was told where khala is. */
  readonly khala: boolean;
  readonly held: () => HeldPolicy;
  /** Called with every change, never for the first decision. */
  readonly changed: (decision: Decision, drain: boolean) => void;
}

/** A decision is made again at the latest after so long, whatever its own time says. */
const longestMs = 3_600_000;

/** Whether the session has to move at once. Stage 3 removes the other lane, so nothing can be kept on it. */
export function drains(policy: CutoverPolicy | null): boolean {
  return policy !== null && (policy.drain || policy.stage === 3);
}

/** A decider with its first decision made. */
export function createDecider(options: DeciderOptions): Decider {
  const { ports, flag, khala, held, changed } = options;
  let timer: Cancel | undefined;
  let closed = false;
  let decision: Decision;
  let policy: CutoverPolicy | null;

  const make = (): Decision => {
    const now = ports.clock.now();
    const { policy: next, admission } = held();
    policy = next;
    const made = decide(next, unitOf(options.unit, next, admission), { now, flag, khala });
    timer?.();
    timer = undefined;
    if (made.expiresAt !== null) {
      // One millisecond beyond: at the very moment the rule still acts.
      const delay = Math.min(longestMs, Math.max(0, made.expiresAt - now) + 1);
      timer = ports.scheduler.after(delay, look);
    }
    return made;
  };
  const look = () => {
    if (closed) return;
    const before = [decision.lane, decision.writes, decision.shadow, decision.rule, decision.reason, drains(policy)];
    decision = make();
    const { lane, writes, shadow, rule, reason } = decision;
    const after = [lane, writes, shadow, rule, reason, drains(policy)];
    if (after.some((value, index) => value !== before[index])) changed(decision, drains(policy));
  };
  policy = null;
  decision = make();
  return {
    get decision() {
      return decision;
    },
    get policy() {
      return policy;
    },
    look,
    close() {
      closed = true;
      timer?.();
    },
  };
}
