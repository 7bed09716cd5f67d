import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount } from '../format.ts';
import { Breakable } from './breakable.tsx';
import { ChainCell } from './chain-cell.tsx';

type Feed = DesktopStateJson['feed'];

const stateWords: Readonly<Record<string, string>> = {
  idle: 'waits for the agent',
  backoff: 'waits to try again',
  refused: 'refused by control',
};

/** What this desktop publishes itself. */
export function FeedPanel({ feed, streams }: { readonly feed: Feed; readonly streams: DesktopStateJson['streams'] }) {
  return (
    <section className="panel" aria-labelledby="feed-title">
      <h2 id="feed-title">Feed {feed !== null && <span className="quiet">{feed.kind}</span>}</h2>
      {feed === null ? (
        <p className="empty">This desktop publishes nothing; it only reads.</p>
      ) : (
        <FeedFacts feed={feed} streams={streams} />
      )}
    </section>
  );
}

function FeedFacts({
  feed,
  streams,
}: {
  readonly feed: NonNullable<Feed>;
  readonly streams: DesktopStateJson['streams'];
}) {
  return (
    <>
      <dl className="facts">
        <dt>Agent</dt>
        <dd>{feed.agent}</dd>
        <dt>State</dt>
        <dd>{stateWords[feed.state] ?? feed.state}</dd>
        <dt>Published</dt>
        <dd className="numbers">{formatCount(feed.published)}</dd>
        <dt>Waiting</dt>
        <dd className="numbers">{formatCount(feed.pending)}</dd>
        <dt>Refused</dt>
        <dd className="numbers" data-bad={feed.dead > 0}>
          {formatCount(feed.dead)}
        </dd>
        {feed.approvals !== null && (
          <>
            <dt>Consent</dt>
            <dd>
              {formatCount(feed.approvals.declined)} declined, {formatCount(feed.approvals.accepted)} given
              <span className="quiet"> · this page cannot ask yet, so every request is declined</span>
            </dd>
          </>
        )}
      </dl>
      {feed.last_error !== null && <p className="feed-error">{feed.last_error}</p>}
      {feed.notes.length > 0 && (
        <ul className="feed-notes" aria-label="Notes of the agent's lane">
          {feed.notes.map((note, index) => (
            // Notes have no id, and the oldest goes first: their place is all there is.
            <li key={index}>{note}</li>
          ))}
        </ul>
      )}
      {feed.chains.length > 0 && (
        <ul className="published">
          {feed.chains.map((chain) => {
            const stream = streams.find(({ stream_id }) => stream_id === chain.stream_id);
            return (
              <li key={chain.stream_id}>
                <Breakable name={stream?.topic ?? chain.stream_id} />
                <span className="published-facts">
                  <span className="numbers">
                    {formatCount(chain.count)} {chain.count === '1' ? 'event' : 'events'}
                  </span>
                  <ChainCell chain={chain.chain} />
                  <span className="quiet">{agreement(chain, stream)}</span>
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}

/** Equal length and equal chain: what was published came back, complete and in order. */
function agreement(
  published: { readonly count: string; readonly chain: string },
  applied: DesktopStateJson['streams'][number] | undefined,
): string {
  if (applied === undefined) return 'not read back yet';
  // Only a stream that is level can be compared: during a catch-up equal lengths may be a coincidence.
  if (applied.seq !== published.count || applied.lag_events !== '0') return `${formatCount(applied.seq)} read back`;
  return applied.chain === published.chain ? 'read back, equal' : 'read back, differs';
}
