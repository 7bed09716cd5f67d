import { describe, expect, test } from '@jest/globals';
import { compareHead, initialState } from '../src/index.ts';
import { epoch, otherEpoch, stateAt, streamId } from './support.ts';

const state = stateAt(5);

describe('compareHead', () => {
  test.each([
    ['equal', state, { epoch, head: 5n, head_chain: state.chain }],
    ['unproven', state, { epoch, head: 5n }],
    ['differs', state, { epoch, head: 5n, head_chain: stateAt(4).chain }],
    ['behind', state, { epoch, head: 6n, head_chain: state.chain }],
    ['ahead', state, { epoch, head: 4n, head_chain: state.chain }],
    ['other-epoch', state, { epoch: otherEpoch, head: 5n, head_chain: state.chain }],
    ['behind', initialState(streamId), { epoch, head: 0n, head_chain: initialState(streamId).chain }],
  ] as const)('I15 only the same epoch, sequence and chain prove parity: %s', (expected, given, head) => {
    expect(compareHead(given, head)).toBe(expected);
  });
});
