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
}
