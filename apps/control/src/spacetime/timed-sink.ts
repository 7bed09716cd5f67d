import type { Scheduler } from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import type { EventSink } from './event-sink.ts';

/** A sink whose calls end in `unavailable` after so many milliseconds: a database that hangs must not hold a stream. */
export function timedSink(sink: EventSink, scheduler: Scheduler, milliseconds: number): EventSink {
  const timed = <T>(work: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const cancel = scheduler.after(milliseconds, () => {
        reject(new ControlError('unavailable', `The database has not answered within ${milliseconds} ms.`));
      });
      work.then(resolve, reject).finally(cancel);
    });
  return {
    append: (draft, expectedNextSeq) => timed(sink.append(draft, expectedNextSeq)),
    ensureStream: (streamId, epoch) => timed(sink.ensureStream(streamId, epoch)),
    grant: (identity, streamId, role) => timed(sink.grant(identity, streamId, role)),
    bindKey: (identity, pubkey, proof) => timed(sink.bindKey(identity, pubkey, proof)),
    unbindKey: (identity, pubkey) => timed(sink.unbindKey(identity, pubkey)),
    get status() {
      return sink.status;
    },
    listen: (listener) => sink.listen(listener),
    start: () => sink.start(),
    close: () => sink.close(),
  };
}
