import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount } from '../format.ts';
import { Breakable } from './breakable.tsx';
import { ChainCell } from './chain-cell.tsx';

type Feed = DesktopStateJson['feed'];

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
        <dd>{feed.state}</dd>
        <dt>Published</dt>
        <dd className="numbers">{formatCount(feed.published)}</dd>
        <dt>Waiting</dt>
        <dd className="numbers">{formatCount(feed.pending)}</dd>
        <dt>Refused</dt>
        <dd className="numbers" data-bad={feed.dead > 0}>
          {formatCount(feed.dead)}
        </dd>
      </dl>
      {feed.last_error !== null && <p className="feed-error">{feed.last_error}</p>}
      {feed.chains.length > 0 && (
        <table className="published">
          <thead>
            <tr>
              <th scope="col">Published stream</th>
              <th scope="col">Events</th>
              <th scope="col">Chain</th>
            </tr>
          </thead>
          <tbody>
            {feed.chains.map((chain) => {
              const stream = streams.find(({ stream_id }) => stream_id === chain.stream_id);
              return (
                <tr key={chain.stream_id}>
                  <td>
                    <Breakable name={stream?.topic ?? chain.stream_id} />
                    <span className="quiet"> {agreement(chain, stream)}</span>
                  </td>
                  <td className="numbers">{formatCount(chain.count)}</td>
                  <td>
                    <ChainCell chain={chain.chain} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
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
  return applied.chain === published.chain ? 'read back, chains equal' : 'read back, chains differ';
}
