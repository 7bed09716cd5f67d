import { describe, expect, test } from '@jest/globals';
import type { Page, ResetTo, StreamChange } from '../src/index.ts';
import { auditLimits, checkChange, checkLimit, checkPage, checkReset, checkScope, checkTrim } from '../src/validate.ts';
import { codeOf, event, streamId } from './support.ts';

const highest = 2n ** 63n - 1n;
const { epoch } = event(1);
const change: StreamChange = {
  ...{ stream_id: streamId, epoch, expected_seq: 1n, seq: 3n, chain: 'c' },
  events: [event(2), event(3)],
};
const to: ResetTo = { epoch, seq: 3n, chain: 'c', reason: 'r' };

describe('what a store is told', () => {
  test('I3 a change that is dense and whole is taken, up to the highest sequence', () => {
    checkChange(change);
    checkChange({ ...change, contiguity: 'dense' });
    checkChange({ ...change, expected_seq: 0n, seq: 0n, events: [] });
    const last = { ...event(1), seq: highest, committed_at: highest };
    checkChange({ ...change, expected_seq: highest - 1n, seq: highest, events: [last] });
    checkChange({
      ...change,
      expected_seq: highest - 1n,
      seq: highest,
      events: [{ ...last, committed_at: -(2n ** 63n) }],
    });
  });

  test.each<[Partial<StreamChange>, string]>([
    [{ stream_id: '' }, 'has no stream id'],
    [{ epoch: '' }, 'has no epoch'],
    [{ chain: '' }, 'has no chain'],
    [{ expected_seq: -1n, seq: 1n }, 'is outside of 0 to 2^63 - 1'],
    [{ expected_seq: highest - 1n, seq: highest + 1n }, 'is outside of 0 to 2^63 - 1'],
    [{ seq: 4n }, 'goes from 1 to 4 with 2 events'],
    [{ events: [event(2)] }, 'goes from 1 to 3 with 1 events'],
    [{ events: [event(2), event(4)] }, 'has seq 4'],
    [{ events: [event(2), event(2)] }, 'has seq 2'],
    [{ events: [event(2), { ...event(3), stream_id: 'runtime.other' }] }, 'of "runtime.other"'],
    [{ events: [event(2), { ...event(3), epoch: 'another' }] }, 'epoch "another", after 2'],
    [{ events: [event(2), { ...event(3), committed_at: highest + 1n }] }, 'has a committed_at at seq 3'],
    [{ events: [event(2), { ...event(3), committed_at: -highest - 2n }] }, 'has a committed_at at seq 3'],
  ])('I3 I14 a change with %j is refused, with what is wrong', (part, text) => {
    const wrong = { ...change, ...part };
    expect(() => checkChange(wrong)).toThrow(
      expect.objectContaining({ code: 'invalid_change', details: { stream_id: wrong.stream_id } }),
    );
    expect(() => checkChange(wrong)).toThrow(text);
  });

  test('I25 where gaps are allowed, events rise beyond the position and end at the watermark', async () => {
    const sparse: StreamChange = { ...change, contiguity: 'gaps-allowed', seq: 9n, events: [event(4), event(9)] };
    checkChange(sparse);
    checkChange({ ...sparse, events: [], seq: 1n });
    const wrong: Partial<StreamChange>[] = [
      { events: [event(1), event(9)] },
      { events: [event(4), event(4)], seq: 4n },
      { events: [event(4)] },
      { events: [] },
    ];
    for (const part of wrong) expect(await codeOf(() => checkChange({ ...sparse, ...part }))).toBe('invalid_change');
    expect(() => checkChange({ ...sparse, events: [event(4)] })).toThrow('goes to 9 with events to 4');
  });

  test.each<[Partial<ResetTo>, string]>([
    [{ epoch: '' }, 'invalid_change'],
    [{ chain: '' }, 'invalid_change'],
    [{ reason: '' }, 'invalid_change'],
    [{ seq: -1n }, 'invalid_change'],
    [{ seq: highest + 1n }, 'invalid_change'],
    [{ contiguity: 'neither' as 'dense' }, 'invalid_option'],
  ])('I7 a reset to %j is refused', async (part, code) => {
    expect(await codeOf(() => checkReset(streamId, { ...to, ...part }))).toBe(code);
    expect(() => checkReset(streamId, { ...to, seq: -7n })).toThrow('got -7');
  });

  test('I7 a reset to a place is taken, and of no stream it is refused', async () => {
    for (const part of [
      {},
      { seq: 0n },
      { seq: highest },
      { contiguity: 'dense' },
      { contiguity: 'gaps-allowed' },
    ] as const) {
      checkReset(streamId, { ...to, ...part });
    }
    expect(await codeOf(() => checkReset('', to))).toBe('invalid_change');
  });

  test('I3 a page, a part and a range begin at 0 and 1 and end at their highest', async () => {
    for (const limit of [1, 10_000]) checkLimit(limit);
    for (const limit of [0, -1, 10_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => checkLimit(limit)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
      expect(() => checkLimit(limit)).toThrow(`from 1 to 10000, not ${limit}`);
    }
    const pages: readonly Page[] = [0n, highest].map((after) => ({ after, limit: 1 }));
    for (const page of pages) checkPage(page);
    for (const through of [0n, highest]) checkTrim({ through, limit: 1 });
    for (const place of [-1n, highest + 1n]) {
      expect(() => checkPage({ after: place, limit: 1 })).toThrow(`after must be from 0 to 2^63 - 1, not ${place}`);
      expect(() => checkTrim({ through: place, limit: 1 })).toThrow(`through must be from 0 to 2^63 - 1, not ${place}`);
      expect(await codeOf(() => checkPage({ after: place, limit: 1 }))).toBe('invalid_option');
      expect(await codeOf(() => checkTrim({ through: place, limit: 1 }))).toBe('invalid_option');
    }
    expect(await codeOf(() => checkPage({ after: 0n, limit: 0 }))).toBe('invalid_option');
    expect(await codeOf(() => checkTrim({ through: 0n, limit: 0 }))).toBe('invalid_option');
  });

  test('I23 I24 the limits of the audit are 100 each, or what is given', () => {
    expect(auditLimits({})).toEqual({ quarantined_per_stream: 100, resets_per_stream: 100 });
    const given = { quarantined_per_stream: 1, resets_per_stream: 2 };
    expect(auditLimits(given)).toEqual(given);
    for (const name of ['quarantined_per_stream', 'resets_per_stream'] as const) {
      for (const limit of [0, -1, 1.5, Number.NaN]) {
        expect(() => auditLimits({ [name]: limit })).toThrow(`${name} must be a whole number from 1, not ${limit}`);
      }
    }
  });

  test.each(['environment', 'database', 'account'] as const)('I8 a scope without %s is refused', (part) => {
    const scope = { environment: 'e', database: 'd', account: 'a' };
    checkScope(scope);
    for (const wrong of ['', undefined as unknown as string]) {
      expect(() => checkScope({ ...scope, [part]: wrong })).toThrow(
        expect.objectContaining({ code: 'invalid_option', message: `scope.${part} must not be empty.` }),
      );
    }
  });
});
