import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatWhole } from '../format.ts';
import { laneWords } from '../tones.ts';
import { ToneIcon } from './icon.tsx';

/** Who this is, and how the connection stands. */
export function HeaderBar({
  state,
  now,
  lost,
}: {
  readonly state: DesktopStateJson;
  readonly now: number;
  readonly lost: boolean;
}) {
  const { connection, boot, alarms } = state;
  const { word, tone } = laneWords[connection.state];
  const retry = connection.next_retry_ms;
  const left = retry === null ? null : retry - (now - state.now);
  return (
    <header className="header">
      <div className="brand">
        <h1>Autopilot</h1>
        <span className="tag" title="Environment">
          {boot.environment}
        </span>
      </div>
      <div className="status">
        {/* Only the word is announced: the running time beside it would be read out every second. */}
        <div className="pill" data-tone={lost ? 'idle' : tone} aria-live="polite" role="status">
          <ToneIcon tone={lost ? 'idle' : tone} />
          <span>{lost ? `Was: ${word}` : word}</span>
        </div>
        <span className="since">
          {lost ? 'not known now' : `for ${formatWhole((now - connection.since) / 1000)}`}
          {!lost && left !== null && connection.state === 'backoff' && (
            <>
              {' · '}
              {left > 0 ? `next try in ${formatWhole(Math.ceil(left / 1000))}` : 'trying now'}
              {connection.attempts > 0 &&
                ` · ${connection.attempts} failed ${connection.attempts === 1 ? 'try' : 'tries'}`}
            </>
          )}
        </span>
        {alarms.length > 0 && (
          <a className="alarm-count" href="#alarms">
            {alarms.length === 1 ? '1 alarm' : `${alarms.length} alarms`}
          </a>
        )}
      </div>
      <div className="provenance">
        {connection.lane === null ? (
          <span className="quiet">No event applied in this run yet</span>
        ) : (
          <>
            <span className="quiet">Last event came by</span> <strong className="lane">{connection.lane}</strong>
          </>
        )}
      </div>
    </header>
  );
}
