import { readFileSync } from 'node:fs';
import { laneStates } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { closeOfSocket, closeOfStatus } from '../src/close-reasons.ts';
import { closeReasons, nextState, sessionEvents, transitions, transitionsAsMarkdown } from '../src/index.ts';

const reachable = (from: string): Set<string> => {
  const seen = new Set([from]);
  for (const state of seen) {
    for (const event of sessionEvents) {
      const next = nextState(state as (typeof laneStates)[number], event);
      if (next !== undefined) seen.add(next);
    }
  }
  return seen;
};

describe('the transition table', () => {
  test('I1: every state is reached from idle, and closed from every state', () => {
    expect([...reachable('idle')].sort()).toEqual([...laneStates].sort());
    for (const state of laneStates) expect(reachable(state)).toContain('closed');
  });

  test('I1: the table is total, in the order of the states', () => {
    expect(Object.keys(transitions)).toEqual([...laneStates]);
    for (const row of Object.values(transitions)) expect(Object.keys(row).sort()).toEqual([...sessionEvents].sort());
  });

  test('I1: closed and draining lead back nowhere', () => {
    expect([...reachable('closed')]).toEqual(['closed']);
    expect([...reachable('draining')]).toEqual(['draining', 'closed']);
  });

  test('I2: live is entered only from replaying, by catching up', () => {
    const ways = laneStates.flatMap((state) =>
      sessionEvents.filter((event) => nextState(state, event) === 'live').map((event) => [state, event]),
    );
    expect(ways).toEqual([['replaying', 'caught-up']]);
  });

  test('I6: needs-auth and failed are left only by the owner', () => {
    for (const state of ['needs-auth', 'failed'] as const) {
      expect(sessionEvents.filter((event) => nextState(state, event) !== undefined)).toEqual(['retry', 'close']);
    }
  });

  test('SPEC.md shows the table that the code uses', () => {
    const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
    const shown = spec.split('## Transitions\n')[1]?.split('\n`-` cannot happen')[0];
    // The formatter pads the columns.
    const plain = (text = '') =>
      text
        .trim()
        .replace(/ *\| */g, '|')
        .replace(/-{3,}/g, '---');
    expect(plain(shown)).toBe(plain(transitionsAsMarkdown()));
  });
});

describe('close reasons', () => {
  test.each([
    [400, 'bad_request', 'failed'],
    [401, 'unauthorized', 'refresh'],
    [403, 'forbidden', 'needs-auth'],
    [404, 'database_not_found', 'failed'],
    [426, 'bad_request', 'failed'],
    [429, 'rate_limited', 'backoff'],
    [418, 'unexpected_status', 'backoff'],
    [500, 'server_error', 'backoff'],
    [503, 'server_error', 'backoff'],
  ] as const)('an upgrade answered with %d is %s', (status, code, aftermath) => {
    expect(closeOfStatus(status, 'closed 401 forbidden').code).toBe(code);
    expect(closeReasons[code].aftermath).toBe(aftermath);
  });

  test.each([
    [1000, 'network'],
    [1001, 'module_replaced'],
    [1006, 'network'],
    [1007, 'protocol_error'],
    [1011, 'execution_error'],
    [1013, 'rate_limited'],
  ] as const)('a websocket closed with %d is %s, whatever the text says', (code, reason) => {
    expect(closeOfSocket(code, 'unauthorized 401').code).toBe(reason);
  });
});
