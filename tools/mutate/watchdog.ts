// Watches, from a thread of its own, how much time of a processor the tests of one mutant take, and ends the process when
// it is too much: an endless loop lets nothing else run in its thread. Not by the clock: a busy machine is not a loop.
import { parentPort } from 'node:worker_threads';

/** Milliseconds of processor time that may be used from now on; undefined when nothing is watched. */
export type Watch = number | undefined;

const lookEveryMs = 50;
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
let most = Number.POSITIVE_INFINITY;
parentPort?.on('message', (allowed: Watch) => {
  most = allowed === undefined ? Number.POSITIVE_INFINITY : used() + allowed;
});
setInterval(() => {
  if (used() > most) process.kill(process.pid, 'SIGKILL');
}, lookEveryMs);
