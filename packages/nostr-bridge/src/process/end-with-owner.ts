// A process beside that of a bridge: its process must not outlive its owner, also when the bridge hangs and hears nothing.
import { workerData } from 'node:worker_threads';
import { systemPorts } from '@autopilot/sync-contract/system-ports';

const { ownerPid } = workerData as { readonly ownerPid: number };
const lookMs = 500;

function look(): void {
  // Whoever adopts the process has another id.
  if (process.ppid !== ownerPid) process.kill(process.pid, 'SIGKILL');
  systemPorts.scheduler.after(lookMs, look);
}

look();
