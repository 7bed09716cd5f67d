import type { Flip } from '@autopilot/cutover-flags';
import { ActionButton } from '../actions/action-button.tsx';
import { useActions } from '../actions/action.ts';
import { advanceAction, approveAction, targetName, withdrawAction } from '../actions/flip-actions.tsx';
import { formatCount, formatSpan } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { Ago, Digest, Panel } from './common.tsx';
import { Badge } from './icon.tsx';

/** The flip that is under way: who asked, who approved, what it waits for. */
export function FlipCard({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { me } = useActions();
  const { state } = snapshot.status;
  const { flip } = state;
  if (flip === null) return <LastFlip snapshot={snapshot} now={now} />;
  const needed = snapshot.facts.config.approvals;
  const standing = flip.approvals.filter((approval) => approval.plan_digest === flip.plan_digest);
  return (
    <Panel id="flip" title={`Request for ${targetName(flip.to)}`} note={<code>{flip.id}</code>}>
      <Badge tone="busy">{waitsFor(snapshot, standing.length)}</Badge>
      <dl className="facts">
        <dt>Asked by</dt>
        <dd>
          {flip.requester}, <Ago at={flip.requested_at} now={now} />
        </dd>
        <dt>Reason</dt>
        <dd>
          <q>{flip.reason}</q>
        </dd>
        <dt>Plan</dt>
        <dd>
          <Digest of={flip.plan_digest} />
        </dd>
        <dt>Approvals</dt>
        <dd>
          {standing.length} of {needed}
          {standing.map((approval) => (
            <div key={approval.by}>
              {approval.by}, <Ago at={approval.at} now={now} />: <q>{approval.reason}</q>
            </div>
          ))}
        </dd>
        {flip.publication !== null && <Acknowledgements flip={flip} now={now} />}
        {flip.publication === null && (
          <>
            <dt>Ends</dt>
            <dd>
              <Ago at={flip.requested_at + snapshot.facts.config.request_ttl_ms} now={now} /> if nobody carries it out
            </dd>
          </>
        )}
      </dl>
      {flip.publication === null && (
        <div className="buttons">
          <ActionButton action={approveAction(flip)} label="Approve …" strong blocked={noApproval(flip, me)} />
          <ActionButton
            action={advanceAction(flip)}
            label={flip.to === 'sealed' ? 'Seal …' : 'Advance …'}
            strong
            blocked={
              state.status === 'approved' ? null : `${needed - standing.length} more of ${needed} approvals needed.`
            }
          />
          <ActionButton action={withdrawAction(flip)} label="Withdraw …" />
        </div>
      )}
    </Panel>
  );
}

function noApproval(flip: Flip, me: string): string | null {
  if (flip.requester === me) return 'You asked for it: somebody else has to approve.';
  const mine = flip.approvals.some((approval) => approval.by === me && approval.plan_digest === flip.plan_digest);
  return mine ? 'You have approved it.' : null;
}

function waitsFor({ status: { state }, facts }: Snapshot, standing: number): string {
  if (state.status === 'flipping') return 'Waits for the units to acknowledge';
  if (state.status === 'approved') return 'Approved: waits to be carried out';
  const missing = facts.config.approvals - standing;
  return `Waits for ${missing} ${missing === 1 ? 'approval' : 'approvals'}`;
}

function Acknowledgements({ flip, now }: { readonly flip: Flip; readonly now: number }) {
  if (flip.publication === null) return null;
  const { expected, acknowledged, deadline } = flip.publication;
  return (
    <>
      <dt>Acknowledged</dt>
      <dd>
        {formatCount(acknowledged)} of {formatCount(expected)} units
        <progress value={acknowledged ?? 0} max={Math.max(1, expected ?? 1)} aria-label="Units that acknowledged" />
      </dd>
      <dt>Undone</dt>
      <dd>in {formatSpan(Math.max(0, deadline - now))}, unless enough have acknowledged</dd>
    </>
  );
}

function LastFlip({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { last_flip: last } = snapshot.status.state;
  return (
    <Panel id="flip" title="Requests">
      <p className="empty">No flip is under way.</p>
      {last !== null && (
        <p>
          The last one, to {targetName(last.to)}, was{' '}
          <strong>{last.outcome === 'done' ? 'done' : last.outcome.replace('_', ' ')}</strong>{' '}
          <Ago at={last.at} now={now} />. <q>{last.reason}</q>
        </p>
      )}
    </Panel>
  );
}
