import { describe, expect, test } from '@jest/globals';
import type { StreamChange } from '../src/index.ts';
import { chainWithoutEvents, contiguityConflict, keyConflict, positionConflict } from '../src/refusals.ts';
import { event, streamId } from './support.ts';

const change: StreamChange = {
  ...{ stream_id: streamId, epoch: 'e', expected_seq: 4n, seq: 5n, chain: 'c' },
  events: [event(5)],
};

describe('a refusal', () => {
  test('I2 of a position says both positions, for people and for programs', () => {
    const nothing = positionConflict(change, undefined);
    expect(nothing.message).toBe(`"${streamId}" has nothing stored, not epoch "e" at 4.`);
    expect(nothing).toMatchObject({ code: 'position_conflict', details: { stream_id: streamId, stored: null } });
    const other = positionConflict(change, { epoch: 'f', seq: 2n });
    expect(other.message).toBe(`"${streamId}" has epoch "f" at 2 stored, not epoch "e" at 4.`);
    expect(other.details).toEqual({ stream_id: streamId, stored: { epoch: 'f', seq: '2' } });
  });

  test('I6 of a key names the event, and keeps the cause', () => {
    const cause = new Error('of the database');
    const refused = keyConflict(change, event(5), cause);
    expect(refused).toMatchObject({ code: 'idempotency_conflict', cause });
    expect(refused.details).toEqual({ stream_id: streamId, seq: '5', idempotency_key: 'key-5' });
    expect(refused.message).toContain('of seq 5');
  });

  test('I25 of a contiguity names both, and of a chain the stream', () => {
    expect(contiguityConflict(change, 'gaps-allowed').message).toBe(
      `"${streamId}" is stored as gaps-allowed, and the change is dense.`,
    );
    expect(contiguityConflict({ ...change, contiguity: 'gaps-allowed' }, 'dense').message).toBe(
      `"${streamId}" is stored as dense, and the change is gaps-allowed.`,
    );
    expect(chainWithoutEvents(change)).toMatchObject({ code: 'invalid_change' });
    expect(chainWithoutEvents(change).message).toContain(streamId);
  });
});
