import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { BridgeProcess, type Journal, nodeBridgeProcess, type ProcessSettings } from '../../src/index.ts';
import type { BridgeChildData } from '../process/bridge-child.ts';

const quick: Partial<ProcessSettings> = {
  startMs: 40_000,
  // A machine that is busy with something else lets a bridge wait.
  silenceMs: 40_000,
  restart: { floorMs: 20, baseMs: 50, capMs: 200 },
  maxExternalBytes: 128 << 20,
  questions: { perSecond: 200, burst: 20 },
};

const open = new Set<BridgeProcess>();

/** A bridge in a real process; {@link closeBridges} closes it. */
export function bridgeProcess(data: BridgeChildData, journal: Journal, settings: Partial<ProcessSettings> = {}) {
  const script = new URL('../process/bridge-child.ts', import.meta.url);
  const spawn = nodeBridgeProcess({
    script,
    data: { beatMs: 200, ...data },
    heapMegabytes: 96,
    // What a share does is tested elsewhere; here it would be waited for.
    share: 1,
    execArgv: ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'],
  });
  const supervised = new BridgeProcess({ ports, spawn, journal, settings: { ...quick, ...settings } });
  open.add(supervised);
  return supervised;
}

/** Closes what a test has left open. */
export async function closeBridges(): Promise<void> {
  await Promise.all([...open].map((supervised) => supervised.close()));
  open.clear();
}

/** Waits for a condition of the real world: processes load and compile everything that they run. */
export async function until(condition: () => boolean): Promise<void> {
  await waitFor(condition, { timeoutMs: 50_000, describe: condition.toString() });
}
