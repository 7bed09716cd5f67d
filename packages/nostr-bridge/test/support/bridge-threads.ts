import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { BridgeThread, type Journal, nodeBridgeProcess, type ThreadSettings } from '../../src/index.ts';
import type { BridgeChildData } from '../thread/bridge-child.ts';

const quick: Partial<ThreadSettings> = {
  startMs: 20_000,
  silenceMs: 1_500,
  restart: { floorMs: 20, baseMs: 50, capMs: 200 },
  maxExternalBytes: 128 << 20,
  questions: { perSecond: 200, burst: 20 },
};

const open = new Set<BridgeThread>();

/** A bridge in a real thread; {@link closeBridges} closes it. */
export function bridgeThread(data: BridgeChildData, journal: Journal, settings: Partial<ThreadSettings> = {}) {
  const script = new URL('../thread/bridge-child.ts', import.meta.url);
  const spawn = nodeBridgeProcess({
    script,
    data,
    heapMegabytes: 96,
    execArgv: ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'],
  });
  const thread = new BridgeThread({ ports, spawn, journal, settings: { ...quick, ...settings } });
  open.add(thread);
  return thread;
}

/** Closes what a test has left open. */
export async function closeBridges(): Promise<void> {
  await Promise.all([...open].map((thread) => thread.close()));
  open.clear();
}

/** Waits for a condition of the real world: threads load and compile everything that they run. */
export async function until(condition: () => boolean): Promise<void> {
  await waitFor(condition, { timeoutMs: 30_000, describe: condition.toString() });
}
