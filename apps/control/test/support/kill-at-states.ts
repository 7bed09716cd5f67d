// Loaded before everything else, in the thread of a bridge too: there a job kills the process, with SIGKILL, before and
// after it comes to a state, once each. A mark in the folder tells that it has.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { JobStore, jobTransitions } from '@autopilot/nostr-bridge';

const folder = process.env.KILL_MARKS ?? '';

function die(point: string): void {
  const mark = path.join(folder, `killed ${point}`);
  if (folder === '' || existsSync(mark)) return;
  writeFileSync(mark, '');
  process.kill(process.pid, 'SIGKILL');
  // The signal comes at once, and nothing more of this may be done before.
  for (;;);
}

if (!isMainThread) {
  const { add, move } = JobStore.prototype;
  JobStore.prototype.add = function (...args) {
    die('before offered');
    return add.apply(this, args);
  };
  JobStore.prototype.move = function (role, request_id, input, more) {
    const from = this.get(role, request_id)?.state;
    const to = from === undefined ? undefined : jobTransitions[from][input];
    // Whatever a job leaves is in the file.
    if (from !== undefined && to !== undefined) {
      die(`after ${from}`);
      die(`before ${to}`);
    }
    const moved = move.call(this, role, request_id, input, more);
    // Nothing leads from there: the first moment after the transaction that it is part of.
    if (moved?.state === 'done') setImmediate(() => die('after done'));
    return moved;
  };
}
