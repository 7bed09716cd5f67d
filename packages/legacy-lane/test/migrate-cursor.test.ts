import { streamIdForTopic } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { migrateCursor, type StreamMigration, workerEventsTopic as topic, type WorkerKnowledge } from '../src/index.ts';

const state = (watermark: number, more: object = {}) => ({
  schema_version: 1,
  topic_watermarks: { [topic]: watermark },
  subscribed_topics: [topic],
  updated_at_unix_ms: 1_770_000_000_000,
  ...more,
});
const worker = 'desktopw:host:shared';
const one = (knowledge: Omit<WorkerKnowledge, 'worker_id'>, persisted: unknown = state(900)): StreamMigration => {
  const { streams } = migrateCursor({ persisted, workers: [{ worker_id: worker, ...knowledge }] });
  return streams[streamIdForTopic(worker)] as StreamMigration;
};
const kept = { epoch: 'e', head: 50n, first_kept: 1n };

describe('migrating the cursor of an old client', () => {
  test("K30 a worker's own sequence becomes a position", () => {
    expect(one({ ...kept, applied_seq: 20n })).toMatchObject({ outcome: 'resume', after: { epoch: 'e', seq: 20n } });
    expect(one({ ...kept, applied_seq: 50n })).toMatchObject({ outcome: 'resume', after: { epoch: 'e', seq: 50n } });
  });

  test('K30 nothing applied: from the beginning', () => {
    expect(one({ ...kept, applied_seq: null })).toMatchObject({ outcome: 'from-beginning', after: null });
    expect(one({ ...kept, applied_seq: 0n })).toMatchObject({ outcome: 'from-beginning', after: null });
  });

  test('K31 a watermark alone is no position of any stream, whatever its value', () => {
    for (const watermark of [0, 1, 20, 50, 900]) {
      expect(one(kept, state(watermark))).toMatchObject({ outcome: 'unknown', why: 'no_applied_seq' });
    }
  });

  test('K31 what is not known is named', () => {
    expect(one({ applied_seq: 5n, head: 9n, first_kept: 1n })).toMatchObject({ why: 'no_epoch' });
    expect(one({ applied_seq: 5n, epoch: 'e', first_kept: 1n })).toMatchObject({ why: 'no_head' });
    expect(one({ applied_seq: 5n, epoch: 'e', head: 9n })).toMatchObject({ why: 'no_floor' });
    expect(one({ ...kept, applied_seq: -1n })).toMatchObject({ why: 'invalid_number' });
  });

  test('K32 stale: the floor is looked at before the budget', () => {
    const far = { epoch: 'e', head: 10_000n, first_kept: 200n, replay_budget: 100n };
    expect(one({ ...far, applied_seq: 5n })).toMatchObject({
      outcome: 'stale',
      reason: 'retention_floor_breach',
      floor: { epoch: 'e', seq: 199n },
    });
    expect(one({ ...far, applied_seq: 199n })).toMatchObject({ outcome: 'stale', reason: 'replay_budget_exceeded' });
    expect(one({ ...far, applied_seq: 9_900n })).toMatchObject({ outcome: 'resume' });
    expect(one({ ...far, applied_seq: null })).toMatchObject({ reason: 'retention_floor_breach' });
  });

  test('K33 ahead is told with both numbers, and never clamped', () => {
    expect(one({ ...kept, applied_seq: 51n })).toMatchObject({
      outcome: 'ahead',
      applied: { epoch: 'e', seq: 51n },
      head: 50n,
    });
  });

  test('K33 no outcome ever names a position that was not given', () => {
    const big = fc.bigInt({ min: 0n, max: 60n });
    fc.assert(
      fc.property(big, big, big, fc.option(big, { nil: undefined }), (applied_seq, head, first, budget) => {
        const result = one({
          epoch: 'e',
          applied_seq,
          head,
          first_kept: first + 1n,
          ...(budget === undefined ? {} : { replay_budget: budget }),
        });
        expect(result.next.length).toBeGreaterThan(0);
        if (result.outcome === 'resume') expect(result.after.seq).toBe(applied_seq);
        if (result.outcome === 'from-beginning') expect([applied_seq, first]).toEqual([0n, 0n]);
        expect(result.outcome === 'ahead').toBe(applied_seq > head);
      }),
    );
  });

  test('K34 version 1, version 0, text and nothing', () => {
    const cursorOf = (persisted: unknown) => migrateCursor({ persisted, workers: [] });
    expect(cursorOf(state(7)).topic_cursor).toBe(7n);
    expect(cursorOf(JSON.stringify(state(7))).topic_cursor).toBe(7n);
    expect(cursorOf({ topic_watermarks: { [topic]: 7 }, subscribed_topics: [] }).topic_cursor).toBe(7n);
    expect(cursorOf({ topic_watermarks: { other: 7 } }).topic_cursor).toBeNull();
    expect(cursorOf(null)).toEqual({ topic_cursor: null, state_error: undefined, streams: {} });
  });

  test.each([
    ['{', 'not_json', ''],
    ['[]', 'invalid_shape', ''],
    [{ schema_version: 2 }, 'unsupported_version', '/schema_version'],
    [state(-1), 'invalid_shape', `/topic_watermarks/${topic}`],
    [state(2 ** 53), 'invalid_shape', `/topic_watermarks/${topic}`],
    [{ schema_version: 1, topic_watermarks: {} }, 'invalid_shape', '/updated_at_unix_ms'],
  ])('K34 a state that cannot be used is told and gives no cursor: %j', (persisted, code, path) => {
    expect(migrateCursor({ persisted, workers: [] })).toEqual({
      topic_cursor: null,
      state_error: { type: 'unusable-state', code, path },
      streams: {},
    });
  });
});
