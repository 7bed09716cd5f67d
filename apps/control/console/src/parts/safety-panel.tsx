import { ActionButton } from '../actions/action-button.tsx';
import {
  endFallbackAction,
  endWaiverAction,
  fallbackAction,
  releaseAction,
  waiveAction,
} from '../actions/other-actions.tsx';
import type { Snapshot } from '../live/use-console.ts';
import { Ago, Panel } from './common.tsx';

/** Fallback, holds, waivers and releases: what stands beside the stage. */
export function SafetyPanel({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { status, facts } = snapshot;
  const { state } = status;
  const { fallback, release_cycles } = state;
  const waivers = state.waivers.filter((waiver) => waiver.kind === 'gate');
  return (
    <Panel id="safety" title="Fallback, holds, waivers">
      <dl className="facts">
        <dt>Fallback</dt>
        <dd>
          {fallback === null ? (
            'none'
          ) : (
            <>
              {fallback.incident}, {fallback.expires_at > now ? 'ends' : 'ended'}{' '}
              <Ago at={fallback.expires_at} now={now} />
            </>
          )}
        </dd>
        <dt>Holds</dt>
        <dd>{state.holds.length === 0 ? 'none' : state.holds.map((hold) => hold.trigger).join(', ')}</dd>
        <dt>Waivers</dt>
        <dd>
          {waivers.length === 0
            ? 'none'
            : waivers.map((waiver) => (
                <div key={waiver.id} className="with-action">
                  <span>
                    <strong>{waiver.gate}</strong> by {waiver.owner},{' '}
                    {waiver.expires_at > now ? 'ends' : 'overdue since'} <Ago at={waiver.expires_at} now={now} />:{' '}
                    <q>{waiver.reason}</q>
                  </span>
                  <ActionButton action={endWaiverAction(waiver)} label="End …" />
                </div>
              ))}
        </dd>
        {state.stage === 2 && (
          <>
            <dt>Releases</dt>
            <dd>
              {release_cycles.at_zero} of {facts.config.release.cycles} without a fallback
              {release_cycles.releases.length > 0 && ` (${release_cycles.releases.join(', ')})`}; the present cycle
              began <Ago at={release_cycles.since} now={now} />
            </dd>
          </>
        )}
      </dl>
      {!state.sealed && (
        <div className="buttons">
          {fallback === null ? (
            <ActionButton
              action={fallbackAction}
              label="Start the fallback …"
              blocked={state.stage === 2 ? null : 'The fallback is of Stage 2.'}
            />
          ) : (
            <ActionButton action={endFallbackAction} label="End the fallback …" />
          )}
          <ActionButton action={waiveAction} label="Waive a gate …" />
          {state.stage === 2 && <ActionButton action={releaseAction} label="Count a release …" />}
        </div>
      )}
    </Panel>
  );
}
