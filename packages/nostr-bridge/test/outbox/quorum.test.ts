import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type DeliveryAt,
  type DeliveryInput,
  type DeliveryState,
  deliveryInputs,
  deliveryStates,
  deliveryTransitions,
  judgeQuorum,
  type QuorumPolicy,
} from '../../src/index.ts';
import { checkQuorum } from '../../src/outbox/quorum.ts';

const at = (...states: DeliveryState[]): DeliveryAt[] =>
  states.map((state, index) => ({ relay: `ws://r${index}`, state }));
const anyOf = (...numbers: number[]): QuorumPolicy => ({
  type: 'any-of',
  relays: numbers.map((number) => `ws://r${number}`),
});

describe('the table of deliveries', () => {
  test('O3 accepted is never left, and every other state leads to it', () => {
    expect(Object.values(deliveryTransitions.accepted).every((to) => to === undefined)).toBe(true);
    for (const state of deliveryStates) {
      const reached = new Set<DeliveryState>([state]);
      for (const from of reached) for (const to of Object.values(deliveryTransitions[from])) if (to) reached.add(to);
      expect(reached.has('accepted')).toBe(true);
    }
  });
});

describe('quorum', () => {
  test.each<[QuorumPolicy, DeliveryState[], string]>([
    [{ type: 'all' }, ['accepted', 'accepted'], 'reached'],
    [{ type: 'all' }, ['accepted', 'pending'], 'open'],
    [{ type: 'all' }, ['accepted', 'rejected'], 'missed'],
    [{ type: 'majority' }, ['accepted', 'pending'], 'open'],
    [{ type: 'majority' }, ['accepted', 'accepted', 'dead'], 'reached'],
    [{ type: 'majority' }, ['accepted', 'dead', 'in-flight', 'rejected'], 'missed'],
    [{ type: 'majority' }, ['accepted', 'dead'], 'missed'],
    [{ type: 'count', count: 2 }, ['accepted', 'in-flight', 'dead'], 'open'],
    [{ type: 'count', count: 2 }, ['accepted', 'accepted', 'dead'], 'reached'],
    [{ type: 'all', of: ['ws://r0'] }, ['accepted', 'dead'], 'reached'],
    [{ type: 'majority', of: ['ws://r0', 'ws://r1'] }, ['accepted', 'pending', 'accepted', 'accepted'], 'open'],
    [{ type: 'count', count: 1, of: ['ws://r1'] }, ['accepted', 'rejected'], 'missed'],
    [anyOf(1, 2), ['accepted', 'pending', 'dead'], 'open'],
    [anyOf(1, 2), ['rejected', 'accepted', 'dead'], 'reached'],
    [anyOf(1, 2), ['accepted', 'rejected', 'dead'], 'missed'],
  ])('O4 %j with %j is %s', (policy, states, standing) => {
    expect(judgeQuorum(policy, at(...states))).toBe(standing);
  });

  const anyPolicy = fc.oneof(
    fc.constant<QuorumPolicy>({ type: 'all' }),
    fc.constant<QuorumPolicy>({ type: 'majority' }),
    fc.nat(2).map((count): QuorumPolicy => ({ type: 'count', count: count + 1 })),
    fc.constant(anyOf(0, 2)),
    fc.constant<QuorumPolicy>({ type: 'majority', of: ['ws://r0', 'ws://r2'] }),
  );
  const anyMoves = fc.array(fc.tuple(fc.nat(2), fc.constantFrom<DeliveryInput>(...deliveryInputs)), { maxLength: 40 });

  test('O3 O4 whatever happens, a quorum that is reached stays reached, and open ends when nothing is pending', () => {
    fc.assert(
      fc.property(anyPolicy, anyMoves, (policy, moves) => {
        const states: DeliveryState[] = ['pending', 'pending', 'pending'];
        let wasReached = false;
        for (const [index, input] of moves) {
          states[index] = deliveryTransitions[states[index] ?? 'pending'][input] ?? (states[index] as DeliveryState);
          const standing = judgeQuorum(policy, at(...states));
          if (wasReached) expect(standing).toBe('reached');
          wasReached ||= standing === 'reached';
          if (!states.some((state) => state === 'pending' || state === 'in-flight')) expect(standing).not.toBe('open');
        }
      }),
      propertyRuns(500),
    );
  });

  test.each<[QuorumPolicy, string[]]>([
    [{ type: 'all' }, []],
    [{ type: 'all' }, ['ws://r0', 'ws://r0']],
    [{ type: 'count', count: 0 }, ['ws://r0']],
    [{ type: 'count', count: 2 }, ['ws://r0']],
    [{ type: 'count', count: 0.5 }, ['ws://r0']],
    [{ type: 'any-of', relays: [] }, ['ws://r0']],
    [anyOf(0, 1), ['ws://r0']],
    [{ type: 'all', of: [] }, ['ws://r0']],
    [{ type: 'majority', of: ['ws://r1'] }, ['ws://r0']],
    [{ type: 'count', count: 2, of: ['ws://r0'] }, ['ws://r0', 'ws://r1']],
  ])('O4 %j of %j can never be met and is refused', (policy, relays) => {
    expect(() => checkQuorum(policy, relays)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});
