import type { CodexLaneStatus } from '../codex/lane-status.ts';
import type { PublisherStatus } from '../projection/start-publisher.ts';
import type { FeedState } from '../view-model/desktop-state.ts';

/** What the page says of lane and publisher together. */
export function feedState(kind: FeedState['kind'], lane: CodexLaneStatus, publisher: PublisherStatus): FeedState {
  // An error of the publisher stays in its status after it got over it; it is news only as long as it fails.
  const error = lane.error ?? (publisher.attempts > 0 ? publisher.last_error : publisher.dead.at(-1));
  return {
    kind,
    agent: kind === 'recorded' ? 'Codex app-server, recorded' : 'Codex app-server',
    state: wordOf(lane, publisher),
    published: publisher.published,
    pending: publisher.pending,
    dead: publisher.dead.length,
    last_error: error === undefined ? null : `${error.code}: ${error.message}`,
    approvals: kind === 'codex' ? lane.approvals : null,
    notes: lane.notes,
    chains: publisher.chains.map(({ stream_id, count, chain }) => ({ stream_id, count: BigInt(count), chain })),
  };
}

/** `done` only when the source has no more to give and control has taken all of it. */
function wordOf(lane: CodexLaneStatus, publisher: PublisherStatus): string {
  if (lane.state === 'error' || lane.state === 'disconnected') return `agent ${lane.state}`;
  if (publisher.state === 'backoff' || publisher.state === 'refused') return publisher.state;
  if (lane.state === 'starting') return 'starting';
  if (lane.error !== undefined) return 'turn failed';
  if (lane.finished && publisher.pending === 0 && publisher.state === 'idle') return 'done';
  return publisher.state;
}
