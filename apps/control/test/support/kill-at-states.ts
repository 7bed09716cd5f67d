// Loaded before everything else, in the process of a bridge too: there a job kills it, with SIGKILL, before it comes to a
// state, and with its control after it, once each. A mark in the folder tells that it has.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { JobStore, jobTransitions } from '@autopilot/nostr-bridge';

const folder = process.env.KILL_MARKS ?? '';

function die(point: string): void {
  const mark = path.join(folder, `killed ${point}`);
  if (folder === '' || existsSync(mark)) return;
  writeFileSync(mark, '');
  if (point.startsWith('after')) process.kill(process.ppid, 'SIGKILL');
  process.kill(process.pid, 'SIGKILL');
  // The signal comes at once, and nothing more of this may be done before.
  for (;;);
}

// Only a process that another one of Node has started has a channel to it.
if (process.send !== undefined) {
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
