import { describe, expect, test } from '@jest/globals';
import { isPublicAddress } from '../../src/relay/public-address.ts';
import { answerRelays } from '../../src/visits/answer-relays.ts';
import { visitable } from '../../src/visits/visit-rules.ts';

const strict = { allowInsecureRelays: false, allowPrivateRelays: false };

describe('relays that strangers name', () => {
  test.each([
    ['wss://relay.example.com', 'wss://relay.example.com'],
    ['wss://Relay.Example.com:443/', 'wss://relay.example.com'],
    ['wss://relay.example.com:7777/path?x=1', 'wss://relay.example.com:7777/path?x=1'],
    ['wss://8.8.8.8', 'wss://8.8.8.8'],
    ['wss://[2606:4700::1111]', 'wss://[2606:4700::1111]'],
  ])('V2 %s is visited as %s', (text, url) => {
    expect(visitable(text, strict)).toBe(url);
  });

  test.each([
    ['ws://relay.example.com'],
    ['https://relay.example.com'],
    ['wss://user:pass@relay.example.com'],
    ['wss://relay.example.com#x'],
    ['relay.example.com'],
    [''],
    [`wss://relay.example.com/${'x'.repeat(200)}`],
    ['wss://localhost'],
    ['wss://LOCALHOST.'],
    ['wss://a.localhost'],
    ['wss://redis'],
    ['wss://printer.local'],
    ['wss://metadata.google.internal'],
    ['wss://127.0.0.1'],
    ['wss://127.1'],
    ['wss://2130706433'],
    ['wss://0x7f000001'],
    ['wss://0177.0.0.1'],
    ['wss://127.0.0.1.'],
    ['wss://１２７.0.0.1'],
    ['wss://0.0.0.0'],
    ['wss://10.1.2.3'],
    ['wss://100.64.0.1'],
    ['wss://169.254.169.254'],
    ['wss://172.31.255.255'],
    ['wss://192.168.1.1'],
    ['wss://198.18.0.1'],
    ['wss://224.0.0.1'],
    ['wss://255.255.255.255'],
    ['wss://[::1]'],
    ['wss://[::]'],
    ['wss://[::ffff:127.0.0.1]'],
    ['wss://[::ffff:8.8.8.8]'],
    ['wss://[64:ff9b::7f00:1]'],
    ['wss://[2002:7f00:1::]'],
    ['wss://[fc00::1]'],
    ['wss://[fd12:3456::1]'],
    ['wss://[fe80::1]'],
    ['wss://[ff02::1]'],
  ])('V2 %s is not visited', (text) => {
    expect(visitable(text, strict)).toBeUndefined();
  });

  test('V2 what settings allow is visited, and each of the two allows no more than its own', () => {
    const insecure = { ...strict, allowInsecureRelays: true };
    const near = { ...strict, allowPrivateRelays: true };
    const texts = ['ws://relay.example.com', 'wss://127.0.0.1:1', 'ws://127.0.0.1:1'];
    const visited = (rules: typeof strict) => texts.map((text) => visitable(text, rules) !== undefined);
    expect([
      visited(strict),
      visited(insecure),
      visited(near),
      visited({ ...insecure, ...{ allowPrivateRelays: true } }),
    ]).toEqual([
      [false, false, false],
      [true, false, false],
      [false, true, false],
      [true, true, true],
    ]);
  });

  test('V2 an address is public or not, whichever name leads to it', () => {
    expect(['8.8.8.8', '172.15.0.1', '172.32.0.1', '2606:4700::1111'].map(isPublicAddress)).toEqual(
      Array(4).fill(true),
    );
    expect(['127.0.0.1', '::1', '::ffff:10.0.0.1', '2001::1', 'no address'].map(isPublicAddress)).toEqual(
      Array(5).fill(false),
    );
  });

  test('V3 an answer goes to every own relay, and to so many of those that the request names, then that are read', () => {
    const own = ['wss://own1.example', 'wss://own2.example'];
    const admit = (text: string) => visitable(text, strict) ?? (own.includes(text) ? text : undefined);
    const named = ['wss://a.example', 'wss://127.0.0.1', own[0] ?? '', 'wss://a.example/', 'wss://b.example'];
    const read = ['wss://c.example', 'wss://a.example', 'wss://d.example'];
    const of = (most: number) => answerRelays(own, named, read, most, admit).slice(own.length);
    expect(answerRelays(own, named, read, 0, admit)).toEqual(own);
    expect(of(1)).toEqual(['wss://a.example']);
    // One of theirs is an own one: it has its place among theirs, and is sent to once.
    expect(of(4)).toEqual(['wss://a.example', 'wss://b.example', 'wss://c.example']);
    expect(of(9)).toEqual(['wss://a.example', 'wss://b.example', 'wss://c.example', 'wss://d.example']);
    const many = Array.from({ length: 1_000 }, (_, n) => `wss://127.0.0.${n % 250}`);
    expect(answerRelays(own, [...many, 'wss://a.example'], [], 6, admit)).toEqual(own);
  });
});
