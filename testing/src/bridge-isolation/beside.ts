import path from 'node:path';
import { BridgeProcess, type BridgeSettings, nodeBridgeProcess } from '../../../packages/nostr-bridge/src/index.ts';
import { systemPorts as ports } from '../../../packages/sync-contract/src/system-ports.ts';
import type { OwnerLane } from '../owner-lane/owner-lane.ts';
import type { BridgeCounts } from './report.ts';

const script = new URL('../../../packages/nostr-bridge/test/process/bridge-child.ts', import.meta.url);
const secretKey = new Uint8Array(32).fill(7);

/** What a bridge is started beside. */
export interface Surroundings {
  readonly lane: OwnerLane;
  readonly folder: string;
  readonly relays: readonly string[];
  /** Where times count all is as it is by default; else the bridge looks more often. */
  readonly asByDefault: boolean;
}

/** A bridge in a process beside the lane. */
export interface BridgeBeside {
  readonly fault: string;
  readonly starts: number;
  readonly failures: number;
  /** Whether it has stored something, and lost connections where its relays mean it to. */
  readonly isAtWork: boolean;
  /** Adds what it did to the counts, and ends it. */
  end(counts: BridgeCounts): Promise<void>;
}

let started = 0;

/** @param scenario `hostile`, `full` of its file, or a fault of the process. */
export function startBeside(scenario: string, { lane, folder, relays, asByDefault }: Surroundings): BridgeBeside {
  started += 1;
  const settings: BridgeSettings = {
    file: path.join(folder, `${scenario}-${started}.sqlite`),
    relays,
    quorum: { type: 'majority' },
    ...(asByDefault ? {} : { mirror: { pollMs: 100 } }),
    provider: { kinds: [5_050], ...(asByDefault ? {} : { pollMs: 100 }) },
    ...(scenario === 'full' ? { maxFileBytes: 300_000 } : {}),
  };
  const fault = scenario === 'hostile' || scenario === 'full' ? 'none' : scenario;
  const supervised = new BridgeProcess({
    ports,
    spawn: nodeBridgeProcess({
      script,
      data: { settings, secretKey, fault },
      heapMegabytes: 96,
      cacheFolder: path.join(folder, 'cache'),
    }),
    journal: lane.journal,
    settings: {
      silenceMs: fault === 'hangs' ? 1_000 : 20_000,
      restart: { floorMs: 20, baseMs: 50, capMs: 200 },
      maxExternalBytes: 128 << 20,
    },
  });
  supervised.start();
  const mirror = () => supervised.status().bridge?.mirror;
  const losses = () => supervised.status().bridge?.relays.reduce((sum, { counters }) => sum + counters.losses, 0) ?? 0;
  return {
    fault,
    get starts() {
      return supervised.status().starts;
    },
    get failures() {
      return mirror()?.failures ?? 0;
    },
    get isAtWork() {
      return (mirror()?.mirrored ?? 0) > 0 && (scenario !== 'hostile' || losses() > 0);
    },
    async end({ bridge, seen }) {
      const { starts, ended_here } = supervised.status();
      bridge.starts += starts;
      bridge.ended_here += ended_here;
      seen.read += mirror()?.read ?? 0;
      seen.mirrored += mirror()?.mirrored ?? 0;
      seen.failures += mirror()?.failures ?? 0;
      seen.losses += losses();
      await supervised.close();
    },
  };
}
