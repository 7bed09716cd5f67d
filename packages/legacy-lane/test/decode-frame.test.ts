import { anyUtf16 } from '@autopilot/testing/any-text';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeKhalaFrame, khalaFrameErrorCodes } from '../src/index.ts';
import { batch, compat, frame, realFrames, reauth, slow, stale, topic, twin } from './frames.ts';

const codeOf = (text: string): unknown => {
  const decoded = decodeKhalaFrame(text);
  return decoded.type === 'undecodable' ? [decoded.code, decoded.path] : decoded.type;
};
/** The batch with one update changed. */
const withUpdate = (changes: object): object => ({ ...batch, updates: [{ ...batch.updates[0], ...changes }] });

describe('K1 what khala sends is read', () => {
  test('K1 the replies to join, subscribe, unsubscribe and heartbeat', () => {
    const replies = realFrames.slice(0, 5).map(decodeKhalaFrame);
    expect(replies.map((one) => (one.type === 'reply' && one.reply.status === 'ok' ? one.reply.kind : one))).toEqual([
      'joined',
      'subscribed',
      'unsubscribed',
      'heartbeat',
      'empty',
    ]);
    expect(replies[1]).toMatchObject({ ref: '2', reply: { current_watermarks: [{ topic, watermark: 9n }] } });
  });

  test.each([
    [stale, { code: 'stale_cursor', stale_topics: [{ retention_floor: 5n, head_watermark: 17n }] }],
    [slow, { code: 'slow_consumer', action: 'throttle', reconnect_after_ms: 2000 }],
    [reauth, { code: 'reauth_required', reason: 'session_revoked' }],
    [compat, { code: 'upgrade_required', min_client_build_id: '20260101T000000Z' }],
    [
      { code: 'forbidden_topic', forbidden_topics: ['x'] },
      { code: 'forbidden_topic', forbidden_topics: ['x'] },
    ],
    [{ code: 'bad_topic' }, { code: 'bad_topic', message: '' }],
    [{ reason: 'unmatched topic' }, { code: 'other', name: 'unmatched topic' }],
    [
      { code: 'brand_new', message: 'm' },
      { code: 'other', name: 'brand_new', message: 'm' },
    ],
  ])('K1 an error in all its places: %j', (error, expected) => {
    const reply = decodeKhalaFrame(frame('phx_reply', { status: 'error', response: error }, { ref: '2' }));
    expect(reply).toMatchObject({ type: 'reply', reply: { status: 'error', error: expected } });
    expect(decodeKhalaFrame(frame('sync:error', error))).toMatchObject({ channel: 'event', error: expected });
    expect(decodeKhalaFrame(twin('ERROR', error))).toMatchObject({ channel: 'frame', error: expected });
  });

  test('K1 a batch and its twin are the same', () => {
    const first = decodeKhalaFrame(frame('sync:update_batch', batch));
    const second = decodeKhalaFrame(twin('UPDATE_BATCH', batch));
    expect(first).toMatchObject({ type: 'update_batch', channel: 'event', batch: { updates: [{ watermark: 17n }] } });
    expect(second).toEqual({ ...first, channel: 'frame' });
  });

  test('K1 unknown members and events are tolerated', () => {
    expect(codeOf(frame('sync:update_batch', { ...withUpdate({ extra: 1 }), more: {} }))).toBe('update_batch');
    expect(decodeKhalaFrame(frame('presence_state', 5))).toEqual({ type: 'other', event: 'presence_state' });
  });
});

describe('K2 what cannot be read is told by code and path', () => {
  test.each([
    ['not json', 'not_json', ''],
    ['{}', 'not_a_frame', ''],
    ['[1,2,3,4]', 'not_a_frame', ''],
    ['[null,null,"t","e",{},{}]', 'not_a_frame', ''],
    ['[null,null,3,"e",{}]', 'wrong_type', '/2'],
    [frame('phx_reply', {}), 'missing_field', '/4/status'],
    [frame('phx_reply', { status: 'ok', response: { topics: [] } }), 'missing_field', '/4/response/subscription_id'],
    [frame('phx_reply', { status: 'error', response: {} }), 'missing_field', '/4/response/code'],
    [frame('sync:update_batch', { ...batch, updates: undefined }), 'missing_field', '/4/updates'],
    [frame('sync:update_batch', withUpdate({ watermark: '17' })), 'wrong_type', '/4/updates/0/watermark'],
    [frame('sync:update_batch', withUpdate({ watermark: 1.5 })), 'wrong_type', '/4/updates/0/watermark'],
    [frame('sync:update_batch', withUpdate({ watermark: 2 ** 53 })), 'number_too_large', '/4/updates/0/watermark'],
    [frame('sync:update_batch', withUpdate({ doc_version: -1 })), 'wrong_type', '/4/updates/0/doc_version'],
    [frame('sync:update_batch', withUpdate({ payload_hash: 5 })), 'wrong_type', '/4/updates/0/payload_hash'],
    [frame('sync:heartbeat', {}), 'missing_field', '/4/watermarks'],
    [frame('sync:error', { ...stale, stale_topics: [{}] }), 'missing_field', '/4/stale_topics/0/topic'],
    [frame('sync:error', { ...slow, action: 'shout' }), 'wrong_type', '/4/action'],
    [
      frame('sync:frame', { ...JSON.parse(twin('ERROR', stale))[4], payload_bytes: '!' }),
      'not_base64',
      '/4/payload_bytes',
    ],
    [
      frame('sync:frame', { ...JSON.parse(twin('ERROR', stale))[4], payload_bytes: 'e30x' }),
      'twin_not_json',
      '/4/payload_bytes',
    ],
    [twin('SURPRISE', {}), 'unknown_kind', '/4/payload_bytes'],
  ])('K2 %.60s', (text, code, path) => {
    expect(codeOf(text)).toEqual([code, path]);
  });

  test('K2 the first integer that a number does not hold is refused, the last one before it is kept', () => {
    const at = (watermark: number) => decodeKhalaFrame(frame('sync:heartbeat', { watermarks: [{ topic, watermark }] }));
    expect(at(2 ** 53 - 1)).toMatchObject({ watermarks: [{ watermark: 9_007_199_254_740_991n }] });
    expect(at(2 ** 53)).toMatchObject({ type: 'undecodable', code: 'number_too_large' });
  });

  test('K2 the excerpt is short and shows no secret', () => {
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyOjEifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';
    for (const text of [`{"token":"${jwt}"}`, `Bearer ${jwt}`, `?token=abc123&x`, `{"secret": "hunter2"}`, jwt]) {
      const error = decodeKhalaFrame(`x${text}${'y'.repeat(5000)}`);
      if (error.type !== 'undecodable') throw new Error('it was not refused');
      expect(error.excerpt.length).toBeLessThanOrEqual(161);
      expect(error.excerpt).not.toMatch(/hunter2|abc123|eyJ|c2lnbm/);
    }
  });
});

/** Whether a text was either read or refused with one of the codes. */
function isAnswered(text: string): boolean {
  const decoded = decodeKhalaFrame(text);
  return decoded.type === 'undecodable' ? khalaFrameErrorCodes.includes(decoded.code) : decoded.type.length > 0;
}

describe('K3 nothing makes the decoder throw', () => {
  test('K3 arbitrary text and arbitrary JSON', () => {
    fc.assert(fc.property(anyUtf16({ maxLength: 100 }), isAnswered), { numRuns: 100 });
    fc.assert(
      fc.property(fc.jsonValue(), (value) => isAnswered(JSON.stringify(value))),
      { numRuns: 300 },
    );
    const events = fc.constantFrom('phx_reply', 'sync:update_batch', 'sync:frame', 'sync:heartbeat', 'sync:error');
    fc.assert(
      fc.property(events, fc.jsonValue(), (event, payload) => isAnswered(frame(event, payload))),
      { numRuns: 500 },
    );
  });

  test('K3 real frames with a piece cut out, put in or changed', () => {
    const real = fc.constantFrom(...realFrames);
    const mutated = fc.tuple(real, fc.nat(), fc.nat(40), fc.string({ maxLength: 6 })).map(([text, at, cut, piece]) => {
      const from = at % text.length;
      return text.slice(0, from) + piece + text.slice(from + cut);
    });
    fc.assert(fc.property(mutated, isAnswered), { numRuns: 1500 });
  });

  test('K3 real frames with one member replaced by any value', () => {
    const real = fc.constantFrom(...realFrames);
    fc.assert(
      fc.property(real, fc.nat(), fc.jsonValue(), (text, at, value) => {
        let place = 0;
        const count = () => {
          place += 1;
          return place;
        };
        JSON.parse(text, (_key, inner) => {
          count();
          return inner;
        });
        const chosen = 1 + (at % place);
        place = 0;
        const changed = JSON.parse(text, (_key, inner) => (count() === chosen ? value : inner));
        return isAnswered(JSON.stringify(changed));
      }),
      { numRuns: 1500 },
    );
  });

  test('K3 every real frame is read', () => {
    expect(realFrames.map(codeOf).filter((one) => Array.isArray(one))).toEqual([]);
  });
});
