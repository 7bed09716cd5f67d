import { ActionButton } from '../actions/action-button.tsx';
import { useActions } from '../actions/action.ts';
import { endFallbackAction, endWaiverAction, releaseHoldAction } from '../actions/other-actions.tsx';
import { formatOf, formatSpan, humanise } from '../format.ts';
import type { Snapshot } from '../live/use-console.ts';
import { Ago } from './common.tsx';
import { ToneIcon } from './icon.tsx';

/** What somebody has to know before anything else. */
export function Notices({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { may, me } = useActions();
  const { status } = snapshot;
  const { state, mirror } = status;
  const { fallback } = state;
  const emergencies = state.waivers.filter((waiver) => waiver.kind === 'emergency');
  return (
    <div className="notices">
      {status.rehearsed && (
        <div className="rehearsal" role="note">
          <strong>Rehearsal: the cutover clock runs {status.clock_rate} times as fast as the machine.</strong> Ages,
          soaks and cooldowns on this page are of that clock. Nothing here is evidence for a real cutover.
        </div>
      )}
      {!may('cutover.operate') && (
        <div className="notice" data-tone="idle" role="note">
          <ToneIcon tone="idle" />
          <p>
            <strong>{me} may see everything here and do nothing:</strong> this client has not the scope cutover.operate.
          </p>
        </div>
      )}
      {fallback !== null && (
        <div className="notice" data-tone="bad" role="alert">
          <ToneIcon tone="warn" />
          <p>
            <strong>
              {fallback.expires_at > now ? 'Emergency fallback in force' : 'Emergency fallback, expired'}:{' '}
              {fallback.incident}.
            </strong>{' '}
            {fallback.expires_at > now ? 'It sends ' : 'It sent '}
            {fallback.units === 'all' ? 'every unit' : formatOf(fallback.units.length, 'unit')} to khala.{' '}
            {fallback.operator}: <q>{fallback.reason}</q> Started <Ago at={fallback.since} now={now} />,{' '}
            {fallback.expires_at > now ? 'ends' : 'ended'} <Ago at={fallback.expires_at} now={now} />.
          </p>
          <ActionButton action={endFallbackAction} label="End …" />
        </div>
      )}
      {state.holds.map((hold) => (
        <div className="notice" data-tone="warn" role="alert" key={hold.trigger}>
          <ToneIcon tone="warn" />
          <p>
            <strong>Held by {hold.trigger}.</strong> {humanise(hold.reason)} Since <Ago at={hold.since} now={now} />;{' '}
            {hold.needs_release ? 'somebody has to release it.' : 'it ends when the trigger is clear.'}
          </p>
          <ActionButton
            action={releaseHoldAction(hold)}
            label="Release …"
            blocked={hold.needs_release ? null : 'It ends by itself.'}
          />
        </div>
      ))}
      {emergencies.map((waiver) => (
        <div className="notice" data-tone="warn" role="note" key={waiver.id}>
          <ToneIcon tone="warn" />
          <p>
            <strong>Emergency {waiver.incident} is not cleared.</strong> It blocks Stage 3. {waiver.owner}:{' '}
            <q>{waiver.reason}</q>
            {waiver.skipped.length > 0 && ` It skipped: ${waiver.skipped.join(', ')}.`}
          </p>
          <ActionButton
            action={endWaiverAction(waiver)}
            label="Clear …"
            blocked={waiver.owner === me || waiver.by === me ? 'Somebody else has to.' : null}
          />
        </div>
      ))}
      {mirror.broken_streams > 0 && (
        <div className="notice" data-tone="bad" role="alert">
          <ToneIcon tone="bad" />
          <p>
            <strong>The mirror into khala is broken for {formatOf(mirror.broken_streams, 'stream')}.</strong>{' '}
            {typeof mirror.last_error === 'object' ? mirror.last_error?.message : mirror.last_error}
          </p>
        </div>
      )}
      {status.units.drifting > 0 && (
        <div className="notice" data-tone="warn" role="note">
          <ToneIcon tone="warn" />
          <p>
            <strong>{formatOf(status.units.drifting, 'live unit')}</strong>{' '}
            {status.units.drifting === 1 ? 'differs' : 'differ'} from what the policy says.{' '}
            <a href="#lag">See which, and how</a>.
          </p>
        </div>
      )}
      {status.rollback_reason !== null && (
        <div className="notice" data-tone="idle" role="note">
          <ToneIcon tone="idle" />
          <p>
            <strong>The last way back:</strong> {humanise(status.rollback_reason.reason)}{' '}
            <Ago at={status.rollback_reason.at} now={now} />.
            {now < state.cooldown_until && ` No step forward for another ${formatSpan(state.cooldown_until - now)}.`}
          </p>
        </div>
      )}
    </div>
  );
}
