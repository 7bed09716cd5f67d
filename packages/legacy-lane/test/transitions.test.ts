import { readFileSync } from 'node:fs';
import { laneStates } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { khalaEvents, khalaTransitionsAsMarkdown, nextKhalaState } from '../src/index.ts';

const ways = (to: string): string[] =>
  laneStates.flatMap((from) =>
    khalaEvents.filter((event) => nextKhalaState(from, event) === to).map((event) => `${from} ${event}`),
  );

describe('the transition table', () => {
  test('K28 every state is reached from idle and leads to closed, which leads nowhere', () => {
    const reach = (start: string): string[] => {
      const seen = new Set([start]);
      for (const from of seen) {
        for (const event of khalaEvents) {
          const next = nextKhalaState(from as (typeof laneStates)[number], event);
          if (next !== undefined) seen.add(next);
        }
      }
      return [...seen].sort();
    };
    expect(reach('idle')).toEqual([...laneStates].sort());
    for (const state of laneStates) expect(reach(state)).toContain('closed');
    expect([reach('closed'), reach('draining')]).toEqual([['closed'], ['closed', 'draining']]);
  });

  test('K28 live is entered only from replaying; needs-auth and failed are left only by the owner', () => {
    expect(ways('live')).toEqual(['replaying level']);
    for (const state of ['needs-auth', 'failed'] as const) {
      expect(khalaEvents.filter((event) => nextKhalaState(state, event) !== undefined)).toEqual(['retry', 'close']);
    }
  });

  test('K28 SPEC.md shows the table that the code uses', () => {
    const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
    const plain = (text: string) => text.replace(/ *\| */g, '|').replace(/-{3,}/g, '---');
    expect(plain(spec)).toContain(plain(khalaTransitionsAsMarkdown()));
  });
});
