import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alarmOf, alarmOfBlock, applyBatch, applyErrors, noResets, resetToFloor } from '../src/index.ts';
import { damaged, epoch, event, log, lookupOf, rival, stateAt, streamId } from './support.ts';

describe('alarms', () => {
  test('I18 every conflict has an alarm that says what, where and what to do', () => {
    const { conflicts, alarms } = applyBatch(
      stateAt(3),
      [rival(2), damaged(4), event(0), event(4, { stream_id: 'runtime.other' })],
      { applied: lookupOf(log(3)) },
    );
    expect(alarms).toEqual(conflicts.map(alarmOf));
    expect(alarms.map(({ code, seq, recovery }) => [code, seq, recovery])).toEqual([
      ['hash_differs', 2n, 'stop'],
      ['payload_hash_mismatch', 4n, 'retry'],
      ['invalid_seq', 0n, 'stop'],
      ['foreign_stream', 4n, 'stop'],
    ]);
    expect(alarms[0]).toEqual({
      code: 'hash_differs',
      stream_id: streamId,
      epoch,
      seq: 2n,
      message: `The event at 2 was not applied to ${streamId} and has to be set aside: hash_differs.`,
      ...applyErrors.hash_differs,
    });
    expect(alarms[3]?.message).toContain('An event of runtime.other');
  });

  test('I18 a block has an alarm of its own', () => {
    const floor = { epoch, seq: 10n, chain: 'floor' };
    const { history } = resetToFloor(stateAt(11), floor, noResets, 5);
    if (history.blocked === undefined) throw new Error('the floor is behind the watermark');
    expect(alarmOfBlock(streamId, history.blocked)).toEqual({
      code: 'floor_behind_watermark',
      stream_id: streamId,
      epoch,
      seq: 10n,
      message: `${streamId} is blocked at the floor 10: floor_behind_watermark.`,
      ...applyErrors.floor_behind_watermark,
    });
  });

  test('I18 there are as many alarms as conflicts, whatever is delivered', () => {
    const delivery = fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(event, rival, damaged))
      .map(([seq, make]) => make(seq));
    fc.assert(
      fc.property(
        fc.array(delivery),
        fc.constantFrom('dense' as const, 'gaps-allowed' as const),
        (events, contiguity) => {
          const { conflicts, alarms } = applyBatch(stateAt(3), events, { applied: lookupOf(log(3)), contiguity });
          expect(alarms.map(({ code, seq }) => [code, seq])).toEqual(
            conflicts.map((one) => [one.reason, one.event.seq]),
          );
        },
      ),
    );
  });
});
