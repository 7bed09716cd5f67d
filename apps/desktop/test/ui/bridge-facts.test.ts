import { describe, expect, test } from '@jest/globals';
import { bridgeFacts, bridgeWord } from '../../ui/src/bridge-facts.ts';
import { formatTime } from '../../ui/src/format.ts';
import { bridgeSummary, endedBridge } from '../support/bridge-summaries.ts';

const at = 1_800_000_000_000;

describe('the words of the bridge', () => {
  test('B3: of a process that runs are of the present', () => {
    expect(bridgeFacts(bridgeSummary())).toEqual({
      past: null,
      lines: [
        ['Relays', '2 of 3 connected'],
        ['Its session', 'live'],
        ['Pending', '1,535'],
        ['Given up', '4'],
        ['Open jobs', '5'],
      ],
    });
  });

  test('B3: of a process that is over are its last word, and no connection is among them', () => {
    const { past, lines } = bridgeFacts(endedBridge(at));
    expect(past).toBe(formatTime(at));
    expect(lines).toEqual([
      ['Relays', '3'],
      ['Pending', '1,535'],
      ['Given up', '4'],
      ['Open jobs', '5'],
    ]);
    // Of the next process, which has not spoken yet.
    expect(bridgeFacts(bridgeSummary({ relays_open: null, lane_live: null })).past).toBe(formatTime(at));
  });

  test('a process that runs is good only with a live session and a relay that is connected', () => {
    expect(bridgeWord(bridgeSummary())).toEqual(['running', 'good']);
    for (const over of [{ relays_open: 0 }, { lane_live: false }, { lane_live: null }]) {
      expect(bridgeWord(bridgeSummary(over))).toEqual(['running', 'warn']);
    }
    expect(bridgeWord(bridgeSummary({ relays_open: null, lane_live: null }))).toEqual(['running', 'busy']);
    expect(bridgeWord(endedBridge(at))).toEqual(['waits for its restart', 'warn']);
  });

  test('what is not known is a dash, and without a word there is no line', () => {
    expect(bridgeFacts(bridgeSummary({ dead: null, lane_live: null })).lines).toEqual(
      expect.arrayContaining([
        ['Given up', '–'],
        ['Its session', '–'],
      ]),
    );
    expect(bridgeFacts(bridgeSummary({ as_of: null }))).toEqual({ lines: [], past: null });
  });
});
