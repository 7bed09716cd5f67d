import { describe, expect, test } from '@jest/globals';
import type { CodexLaneStatus } from '../../src/codex/lane-status.ts';
import { feedState } from '../../src/feed/feed-state.ts';
import type { PublisherStatus } from '../../src/projection/start-publisher.ts';

const lane = (over: Partial<CodexLaneStatus> = {}): CodexLaneStatus => ({
  ...{ feed: 'codex', state: 'ready', since_ms: 0, notes: ['Declined: ls'], messages: 9, completed: 1 },
  ...{ approvals: { accepted: 0, declined: 1 }, finished: true },
  ...over,
});
const publisher = (over: Partial<PublisherStatus> = {}): PublisherStatus => ({
  ...{ state: 'idle', cursor: 9, published: 5, duplicates: 0, pending: 0, dead: [], chains: [], attempts: 0 },
  last_error: undefined,
  ...over,
});
const error = (code: 'turn_failed' | 'server_gone') => ({ code, message: 'm', next: 'n' });

describe('the feed state', () => {
  test.each([
    ['done', lane(), publisher()],
    ['idle', lane({ finished: false }), publisher()],
    ['idle', lane(), publisher({ pending: 1 })],
    ['starting', lane({ state: 'starting', finished: false }), publisher()],
    ['starting', lane({ state: 'starting' }), publisher()],
    ['turn failed', lane({ error: error('turn_failed') }), publisher()],
    ['agent disconnected', lane({ state: 'disconnected', error: error('server_gone') }), publisher()],
    ['agent error', lane({ state: 'error', error: error('server_gone') }), publisher()],
    ['backoff', lane(), publisher({ state: 'backoff', attempts: 2, pending: 3 })],
  ])('is %s', (word, laneStatus, publisherStatus) => {
    expect(feedState('codex', laneStatus, publisherStatus).state).toBe(word);
  });

  test('names what was declined, and the consent only where somebody could be asked', () => {
    const codex = feedState('codex', lane(), publisher());
    expect(codex).toMatchObject({ approvals: { accepted: 0, declined: 1 }, notes: ['Declined: ls'] });
    expect(feedState('recorded', lane(), publisher()).approvals).toBeNull();
  });

  test('tells the error of the agent first', () => {
    const failing = publisher({ attempts: 1, last_error: { code: 'control_unreachable', message: 'down', at_ms: 0 } });
    expect(feedState('codex', lane(), failing).last_error).toBe('control_unreachable: down');
    expect(feedState('codex', lane({ error: error('turn_failed') }), failing).last_error).toBe('turn_failed: m');
  });
});
