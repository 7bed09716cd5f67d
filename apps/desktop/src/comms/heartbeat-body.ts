import { mergeWindows, type ParityWindow } from '@autopilot/cutover-flags/parity';
import type { LaneId } from '@autopilot/sync-contract';
import type { CommsState } from '../view-model/comms-state.ts';
import type { ViewModel } from '../view-model/view-model.ts';
import type { HeartbeatOptions } from './heartbeat.ts';
import { packageVersions } from './package-versions.ts';
import type { ParityFeed } from './parity-feed.ts';

/** What a heartbeat is made from. */
export interface HeartbeatSources {
  readonly state: () => CommsState;
  readonly parity: ParityFeed | null;
  /** Lost connections and questions for tokens, counted since the start. */
  readonly signals: { readonly reconnects: number; readonly attempts: number; readonly failures: number };
  readonly view: () => ViewModel | undefined;
  readonly protocols: () => string[];
  readonly build: string;
}

/** The most streams that one heartbeat tells of, and the most samples of differences. */
const mostStreams = 200;
const mostSamples = 20;
/** Windows that wait for control to take them; beyond it, the newest ones become one. */
const mostWindows = 20;

/**
 * Makes the bodies of the heartbeats of one desktop. Totals are since the start; signals, latency and parity since the
 * last heartbeat that control took: what a lost one told is told again.
 */
export function heartbeatBody(sources: HeartbeatSources): HeartbeatOptions['body'] {
  const packages = packageVersions();
  let told = { reconnects: 0, stale: 0, failures: 0, attempts: 0, gaps: 0, conflicts: 0 };
  /** A fallback that was used while control could not be told is told when it can, also when it is over. */
  let usedFallback = false;
  const untold: ParityWindow[] = [];
  return () => {
    const { unit, stage, policy, decision, router, fallback } = sources.state();
    const view = sources.view();
    const shown = view?.snapshot();
    const window = sources.parity?.takeWindow() ?? null;
    if (window !== null) {
      const newest = untold.length < mostWindows ? undefined : untold.pop();
      untold.push(newest === undefined ? window : mergeWindows([newest, window]));
    }
    const [parity] = untold;
    const { stale = 0, gaps = 0, conflicts = 0 } = shown?.totals ?? {};
    const now = { ...sources.signals, stale, gaps, conflicts };
    const usesFallback = fallback !== null && router.active === 'khala';
    usedFallback ||= usesFallback;
    const lag = (id: LaneId) => {
      const events = router.lanes.find((lane) => lane.id === id)?.lag_events ?? null;
      return events === null ? null : Number(events);
    };
    const latency = view?.recentLatency();
    const body = {
      ...{ unit, build: sources.build, policy_revision: policy?.revision ?? null, stage },
      lane: router.active ?? decision.lane,
      ...{ rule: decision.rule, shadow: decision.shadow, session: shown?.connection.state ?? 'idle' },
      lag_events: { khala: lag('khala'), spacetime: lag('spacetime') },
      applied: shown?.totals.applied ?? 0,
      duplicates: shown?.totals.duplicates ?? 0,
      gaps,
      conflicts,
      fallback_used: usedFallback,
      packages,
      protocols: sources.protocols(),
      token_expires_at: shown?.token === null || shown === undefined ? null : Math.round(shown.token.expires_at),
      ...(latency?.p95_ms == null
        ? {}
        : {
            latency_ms: {
              p95: latency.p95_ms,
              samples: latency.samples,
              // What was not served as it should be: lost, contradicting, or without a time that could be measured.
              errors: latency.skewed + (gaps - told.gaps) + (conflicts - told.conflicts),
            },
          }),
      signals: {
        reconnects: now.reconnects - told.reconnects,
        stale_cursors: now.stale - told.stale,
        auth_failures: now.failures - told.failures,
        auth_attempts: now.attempts - told.attempts,
      },
      ...(parity === undefined ? {} : { parity: { ...parity, samples: parity.samples.slice(0, mostSamples) } }),
      streams: (shown?.streams ?? [])
        // A chain that begins at a floor of khala is not known: it proves nothing, so it is not told.
        .filter(({ epoch, chain }) => epoch !== null && /^[0-9a-f]{64}$/.test(chain))
        .slice(0, mostStreams)
        .map(({ stream_id, epoch, seq, chain }) => ({ stream_id, epoch, seq: seq.toString(), chain })),
    };
    return {
      body,
      confirm: () => {
        told = now;
        usedFallback = usesFallback;
        view?.forgetLatency();
        // The same window until it is taken: control knows one that it was told before.
        if (untold[0] === parity) untold.shift();
      },
    };
  };
}
