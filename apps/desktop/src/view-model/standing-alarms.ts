import { describeDifference } from '../comms/lane-difference.ts';
import type { AlarmCode } from './alarms.ts';
import type { CommsState } from './comms-state.ts';
import type { DesktopState } from './desktop-state.ts';
import type { ViewModel } from './view-model.ts';

type AlarmSink = Pick<ViewModel, 'raise' | 'clear'>;

/** Raises and clears the alarms that follow from a snapshot alone. */
export function updateStandingAlarms(view: AlarmSink, state: DesktopState): void {
  const { connection, token, feed } = state;
  const why = `${connection.reason ?? 'no reason given'}${connection.message === null ? '' : `: ${connection.message}`}`;
  if (connection.state === 'needs-auth') view.raise('needs_auth', `The account is refused (${why}).`);
  else view.clear('needs_auth');
  if (connection.state === 'failed') view.raise('lane_failed', `The lane has given up (${why}).`);
  else view.clear('lane_failed');
  // SpacetimeDB looks at a token only when a connection is made: a live one outlives it without a word.
  if (token !== null && state.now >= token.expires_at)
    view.raise('token_expired', 'The token of the connection has expired.');
  else view.clear('token_expired');
  if (feed !== null && feed.dead > 0) {
    const last = feed.last_error === null ? '' : ` Last error: ${feed.last_error}`;
    view.raise('feed_refused', `Control refused ${feed.dead} events of the feed for good.${last}`);
  } else view.clear('feed_refused');
  if (state.comms !== null) updateCommsAlarms(view, state.comms);
}

/** Answers of control that are no policy, as opposed to no answer. */
const refusedPolicy = /^(bad_signature|unknown_key|unknown_schema|invalid_policy|wrong_\w+|revision_conflict): /;

function updateCommsAlarms(view: AlarmSink, comms: CommsState): void {
  const { fallback, router, decision, policy_answer, parity } = comms;
  const stand = (code: AlarmCode, message: string | null) => {
    if (message === null) view.clear(code);
    else view.raise(code, message);
  };
  const until = fallback === null ? '' : new Date(fallback.expires_at).toISOString();
  stand(
    'emergency_fallback',
    fallback && `Emergency fallback to khala until ${until}, incident ${fallback.incident}: ${fallback.reason}`,
  );
  const missing = router.missing_lane;
  stand('lane_missing', missing && `${decision.rule} decides for ${missing}, which this desktop cannot open.`);
  // It stands while it is tried again, until a try succeeds or the decision goes back.
  const failed = router.phase === 'steady' ? undefined : router.handovers.at(-1);
  stand('handover_failed', failed?.outcome !== 'failed' ? null : `${failed.to} could not take over: ${failed.reason}`);
  const held = router.held_by;
  stand('handover_held', held && `${decision.rule} decides for ${decision.lane}, but ${describeDifference(held)}.`);
  const forced = router.forced;
  const places = forced?.differences.slice(0, mostPlaces).map(describeDifference).join(', ') ?? '';
  stand('handover_forced', forced && `${router.active} took over by ${forced.why}, although ${places}.`);
  const { error } = policy_answer;
  stand('policy_refused', error !== null && refusedPolicy.test(error) ? `A policy was refused: ${error}` : null);
  stand(
    'toggle_without_effect',
    decision.warning && `A toggle in the environment has no effect (${decision.warning}).`,
  );
  const differences = parity === null ? 0 : differencesOf(parity);
  stand('lanes_differ', differences === 0 ? null : `The lanes differ at ${differences} positions that were compared.`);
}

const mostPlaces = 3;

/** Positions that are unlike on the two lanes. What was missing and came late is not. */
function differencesOf({ counts, unequal_chains }: NonNullable<CommsState['parity']>): number {
  const { mismatch, missing_left, missing_right, extra, reordered, late } = counts;
  const missing = Math.max(0, missing_left + missing_right - late);
  return Math.max(mismatch + missing + extra + reordered, unequal_chains);
}
