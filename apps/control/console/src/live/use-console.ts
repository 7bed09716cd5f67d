import { useEffect, useRef, useState } from 'react';
import type { ComparisonPair } from '@autopilot/cutover-flags/parity';
import type { Plan } from '@autopilot/cutover-flags';
import type { AuditCheck, AuditPage, Facts, Lag, Parity, Status, UnitRow, Who } from '../api-types.ts';
import { call } from '../api.ts';
import type { BridgeAnswer } from '../bridge-types.ts';

/** Everything the page shows, as it was read in one round. */
export interface Snapshot {
  readonly status: Status;
  readonly facts: Facts;
  readonly plan: Plan | null;
  readonly units: readonly UnitRow[];
  readonly parity: Parity;
  readonly lag: Lag;
  readonly audit: AuditPage;
  /** Null when control did not say: the page is whole without it. */
  readonly bridge: BridgeAnswer | null;
  readonly check: (AuditCheck & { readonly at: number }) | null;
  /** `performance.now()` when it came. */
  readonly receivedAt: number;
}

/** How the page stands to control. */
export interface ConsoleLink {
  readonly link: 'opening' | 'signed-out' | 'open' | 'lost';
  readonly who: Who | null;
  readonly snapshot: Snapshot | null;
  /** Whether somebody was signed in before, in this page. */
  readonly ended: boolean;
}

/** Units and audit records that are read. */
export const mostUnits = 500;
const auditShown = 60;

const pollMs = 2_000;

/** Reads control again and again. `refresh` resolves when a round that began after the call is over. */
export function useConsole(pair: ComparisonPair) {
  const [state, setState] = useState<ConsoleLink>({ link: 'opening', who: null, snapshot: null, ended: false });
  const held = useRef<Snapshot | null>(null);
  const wanted = useRef(pair);
  const wake = useRef<() => void>(() => {});
  const waiting = useRef<(() => void)[]>([]);

  useEffect(() => {
    let ended = false;
    let facts: Facts | undefined;
    let check: Snapshot['check'] = null;

    async function round(): Promise<Partial<ConsoleLink>> {
      const who = await call<Who>('GET', '/console/session');
      if (who.kind === 'lost') return { link: 'lost' };
      if (who.kind === 'refused') return who.status === 401 ? { link: 'signed-out', who: null } : { link: 'lost' };
      const status = await call<Status>('GET', '/v1/cutover/status');
      if (status.kind !== 'done') return { link: 'lost' };
      const { audit: head, next_target: to } = status.body;
      const after = Math.max(0, head.seq - auditShown);
      const [known, plan, units, parity, lag, audit, bridge] = await Promise.all([
        facts === undefined ? call<Facts>('GET', '/console/facts') : ({ kind: 'done', body: facts } as const),
        to === null ? null : call<{ plan: Plan }>('POST', '/v1/cutover/plan', { to }),
        call<{ units: UnitRow[] }>('GET', `/v1/cutover/units?limit=${mostUnits}`),
        call<Parity>('GET', `/v1/cutover/parity?pair=${encodeURIComponent(wanted.current)}`),
        call<Lag>('GET', '/console/lag'),
        call<AuditPage>('GET', `/v1/cutover/audit?after=${after}&limit=${auditShown}`),
        call<BridgeAnswer>('GET', '/v1/bridge'),
      ]);
      if (known.kind !== 'done' || units.kind !== 'done' || parity.kind !== 'done') return { link: 'lost' };
      if (lag.kind !== 'done' || audit.kind !== 'done' || (plan !== null && plan.kind !== 'done')) {
        return { link: 'lost' };
      }
      facts = known.body;
      if (check === null || check.records !== head.seq || performance.now() - check.at > 30_000) {
        const checked = await call<AuditCheck>('GET', '/v1/cutover/audit/verify');
        check = checked.kind === 'done' ? { ...checked.body, at: performance.now() } : null;
      }
      const snapshot: Snapshot = {
        status: status.body,
        facts,
        plan: plan === null ? null : plan.body.plan,
        units: units.body.units,
        parity: parity.body,
        lag: lag.body,
        audit: audit.body,
        bridge: bridge.kind === 'done' ? bridge.body : null,
        check,
        receivedAt: performance.now(),
      };
      held.current = snapshot;
      return { link: 'open', who: who.body, snapshot };
    }

    async function follow(): Promise<void> {
      while (!ended) {
        const answered = waiting.current.splice(0);
        const change = await round();
        if (ended) return;
        setState((before) => ({
          ...before,
          ...change,
          ended: change.link === 'signed-out' ? before.ended || before.who !== null : false,
        }));
        for (const resolve of answered) resolve();
        if (waiting.current.length > 0) continue;
        await new Promise<void>((resolve) => {
          wake.current = resolve;
          // Nobody is signed in: only signing in changes that.
          if (change.link !== 'signed-out') setTimeout(resolve, pollMs);
        });
      }
    }
    void follow();
    return () => {
      ended = true;
      wake.current();
    };
  }, []);

  const refresh = () =>
    new Promise<Snapshot | null>((resolve) => {
      waiting.current.push(() => resolve(held.current));
      wake.current();
    });
  if (wanted.current !== pair) {
    wanted.current = pair;
    wake.current();
  }
  return { ...state, refresh };
}

/** Renders again every `ms`, for what counts by itself. Returns `performance.now()`. */
export function useTicking(ms: number): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
