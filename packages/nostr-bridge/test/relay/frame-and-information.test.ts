import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { readFrame } from '../../src/relay/relay-frame.ts';
import {
  askInformation,
  foretold,
  leadingZeroBits,
  noInformation,
  readInformation,
} from '../../src/relay/relay-information.ts';
import { relaySettings, relayUrl } from '../../src/relay/relay-options.ts';
import { second, sign } from '../support/events.ts';

const frame = (text: string) => readFrame(Buffer.from(text));

describe('frames of a relay', () => {
  test.each([
    ['["EVENT","s",{"a":1}]', { type: 'EVENT', subscription: 's', event: { a: 1 } }],
    ['["OK","x",true]', { type: 'OK', id: 'x', accepted: true, message: '' }],
    ['["OK","x",false,"error: a"]', { type: 'OK', id: 'x', accepted: false, message: 'error: a' }],
    ['["EOSE","s"]', { type: 'EOSE', subscription: 's' }],
    ['["CLOSED","s","error: a"]', { type: 'CLOSED', subscription: 's', message: 'error: a' }],
    ['["NOTICE","n"]', { type: 'NOTICE', message: 'n' }],
    ['["AUTH","c"]', { type: 'AUTH', challenge: 'c' }],
    ['["COUNT","s",{"count":1}]', { type: 'other' }],
  ])('R9 %s is read', (text, read) => {
    expect(frame(text)).toEqual(read);
  });

  test.each([
    '',
    '[',
    '{}',
    'null',
    '"EVENT"',
    '[]',
    '[1]',
    '["EVENT","s"]',
    '["EVENT","s",null]',
    '["EVENT","s","e"]',
    '["EVENT",1,{}]',
    '["OK","x","true"]',
    '["OK",1,true]',
    '["EOSE"]',
    '["CLOSED",null]',
    '["NOTICE",{}]',
    '["AUTH"]',
    `["AUTH","${'c'.repeat(1_001)}"]`,
  ])('R9 %s is malformed', (text) => {
    expect(frame(text)).toEqual({ type: 'malformed' });
  });

  test('R9 bytes that are no UTF-8 are malformed', () => {
    expect(readFrame(Uint8Array.of(0x5b, 0x22, 0xff, 0x22, 0x5d))).toEqual({ type: 'malformed' });
  });
});

describe('what a relay says of itself', () => {
  const limitation = {
    max_message_length: 900,
    min_pow_difficulty: 8,
    created_at_lower_limit: 60,
    created_at_upper_limit: 10,
  };

  test('R11 limits that are none say nothing', () => {
    expect(readInformation(JSON.stringify({ limitation }))).toEqual({
      maxMessageBytes: 900,
      minPowDifficulty: 8,
      createdAtBehind: 60,
      createdAtAhead: 10,
    });
    for (const body of [
      '',
      '5',
      'null',
      '{"limitation":5}',
      '{"limitation":{"max_message_length":"9"}}',
      '{"limitation":{"max_message_length":-1}}',
      ' '.repeat(300_000),
    ]) {
      expect(readInformation(body)).toEqual(noInformation);
    }
  });

  test('R11 an event that it will not take is not sent', () => {
    const limits = readInformation(JSON.stringify({ limitation }));
    const id = `00${'f'.repeat(62)}`;
    const event = { ...sign(), id };
    expect(foretold(limits, event, 900, second)).toBeUndefined();
    expect(foretold(limits, event, 901, second)).toMatchObject({ outcome: 'rejected', reason: 'too-large' });
    expect(foretold(limits, { ...event, id: 'f'.repeat(64) }, 1, second)).toMatchObject({ reason: 'pow' });
    expect(foretold(limits, event, 1, second + 60)).toBeUndefined();
    expect(foretold(limits, event, 1, second + 61)).toMatchObject({ reason: 'created-at' });
    expect(foretold(limits, event, 1, second - 11)).toMatchObject({ reason: 'created-at' });
    expect(foretold(noInformation, event, 1e9, 0)).toBeUndefined();
  });

  test('R11 counts the bits of NIP-13', () => {
    expect(['f', '7f', '1f', '0f', '002f', '0'].map(leadingZeroBits)).toEqual([0, 1, 3, 4, 10, 4]);
  });

  test('R3 R11 a document that does not come in time, or at all, says nothing', async () => {
    const ports = manualPorts();
    let signal: AbortSignal | undefined;
    const hanging = askInformation(
      (request) => {
        signal = request.signal;
        return new Promise(() => {});
      },
      ports.scheduler,
      'wss://relay.test',
      1_000,
    );
    await ports.advanceAsync(1_000);
    expect([await hanging, signal?.aborted]).toEqual([noInformation, true]);
    const failing = () => Promise.reject(new Error('no'));
    expect(await askInformation(failing, ports.scheduler, 'wss://relay.test', 1_000)).toEqual(noInformation);
    const missing = async () => ({ status: 404, headers: {}, body: JSON.stringify({ limitation }) });
    expect(await askInformation(missing, ports.scheduler, 'wss://relay.test', 1_000)).toEqual(noInformation);
    expect(ports.pending).toBe(0);
  });
});

describe('options of a relay', () => {
  test('addresses are compared in one form, and others are refused', () => {
    expect(relayUrl('WSS://Relay.Test:443/')).toBe('wss://relay.test');
    expect(relayUrl('ws://relay.test/path?x=1')).toBe('ws://relay.test/path?x=1');
    for (const text of [
      '',
      'relay.test',
      'https://relay.test',
      'wss://user:secret@relay.test',
      'wss://relay.test/#x',
    ]) {
      expect(() => relayUrl(text)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
    }
  });

  test.each([
    [{ publishMs: 0 }],
    [{ maxInFlight: Number.NaN }],
    [{ backoff: { floorMs: 0, baseMs: 1, capMs: 1 } }],
    [{ breaker: { threshold: 0, cooldown: { floorMs: 1, baseMs: 1, capMs: 1 } } }],
    [{ outbound: { perSecond: 0, burst: 1 } }],
    [{ nuisance: { perSecond: 1, burst: 0 } }],
  ])('%j is refused', (settings) => {
    expect(() => relaySettings(settings)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});
