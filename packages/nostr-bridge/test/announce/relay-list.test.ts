import { describe, expect, test } from '@jest/globals';
import { readRelayList, relayListTemplate } from '../../src/index.ts';

const [one, two, three] = ['wss://one.example', 'wss://two.example', 'wss://three.example/path'];

describe('a relay list', () => {
  test('V1 is read as it was written, and a relay of both sides has no marker', () => {
    const list = { read: [one, two], write: [one, three] };
    const template = relayListTemplate(list);
    expect(template).toEqual({
      kind: 10_002,
      tags: [
        ['r', one],
        ['r', two, 'read'],
        ['r', three, 'write'],
      ],
      content: '',
    });
    expect(readRelayList(template)).toEqual(list);
  });

  test('V1 what is no relay, or has a marker that is unknown, is left out, and no list is longer than is read of it', () => {
    const tags = [
      ['r', `${one}/`],
      ['r', one, 'read'],
      ['r', 'https://one.example'],
      ['r', 'wss://user@one.example'],
      ['r'],
      ['r', two, 'both'],
      ['e', two],
    ];
    expect(readRelayList({ tags })).toEqual({ read: [one], write: [one] });
    const many = Array.from({ length: 100 }, (_, n) => ['r', `wss://r${n}.example`, 'read']);
    expect(readRelayList({ tags: many }).read).toHaveLength(20);
  });
});
