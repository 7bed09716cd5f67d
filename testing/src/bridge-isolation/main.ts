// Drives a real lane while a bridge beside it meets what it must not pass on, and prints what came of the lane as JSON.
// main.ts FOLDER SCENARIO[,SCENARIO...] RELAYS(json) [PAIRS]: one line for each, in their order, all on one lane.
import path from 'node:path';
import { BridgeThread, type BridgeSettings, nodeBridgeWorker } from '../../../packages/nostr-bridge/src/index.ts';
import { systemPorts as ports } from '../../../packages/sync-contract/src/system-ports.ts';
import { startOwnerLane } from '../owner-lane/owner-lane.ts';
import { waitFor } from '../wait-for.ts';

/** What one run came to. */
export interface IsolationReport {
  readonly outcome: { published: number; stored: number; repeated: number; gaps: number; chainsAgree: boolean };
  /**
   * How many times as much it took with a bridge as without, from publishing to stored, as medians over pairs of blocks:
   * 99th percentiles of the processor time of the owner's thread, which the rest of the machine does not change, and of the
   * time by the clock; and the processor time of all events.
   */
  readonly times: { readonly p99_cpu: number; readonly p99_clock: number; readonly cpu: number };
  readonly pairs: number;
  /** Medians of the 99th percentiles, in milliseconds. */
  readonly off: { readonly p99_cpu: number; readonly p99_clock: number };
  readonly on: { readonly p99_cpu: number; readonly p99_clock: number };
  readonly bridge: { readonly starts: number; readonly ended_here: number };
  /** What the bridge read and stored meanwhile, and connections that it lost. */
  readonly seen: {
    readonly read: number;
    readonly mirrored: number;
    readonly failures: number;
    readonly losses: number;
  };
}

/** Events of one block. */
const perBlock = 150;

const [folder = '', scenarios = '', urls = '[]', pairsOfRun = '1'] = process.argv.slice(2);
const script = new URL('../../../packages/nostr-bridge/test/thread/bridge-child.ts', import.meta.url);
const secretKey = new Uint8Array(32).fill(7);

function settingsFor(scenario: string): BridgeSettings {
  return {
    file: path.join(folder, `${scenario}.sqlite`),
    relays: JSON.parse(urls) as string[],
    quorum: { type: 'majority' },
    mirror: { pollMs: 100 },
    provider: { kinds: [5_050], pollMs: 100 },
    ...(scenario === 'full' ? { maxFileBytes: 300_000 } : {}),
  };
}

async function until(condition: () => boolean): Promise<void> {
  await waitFor(condition, { timeoutMs: 60_000, describe: condition.toString() });
}

const lane = await startOwnerLane(folder);
const threadCpu = () => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

interface Block {
  readonly p99_cpu: number;
  readonly p99_clock: number;
  /** Microseconds of processor time of this thread, for all events. */
  readonly cpu: number;
}

async function block(): Promise<Block> {
  const clock: number[] = [];
  const cpu: number[] = [];
  for (let n = 0; n < perBlock; n += 1) {
    const before = threadCpu();
    clock.push(await lane.publish());
    cpu.push((threadCpu() - before) / 1_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { p99_cpu: p99(cpu), p99_clock: p99(clock), cpu: sum(cpu) };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const p99 = (values: number[]) => values.sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

interface Counts {
  bridge: { starts: number; ended_here: number };
  seen: { read: number; mirrored: number; failures: number; losses: number };
}

async function blockWithBridge(scenario: string, counts: Counts): Promise<Block> {
  const settings = settingsFor(scenario);
  const fault = scenario === 'hostile' || scenario === 'full' ? 'none' : scenario;
  const thread = new BridgeThread({
    ports,
    spawn: nodeBridgeWorker({ script, data: { settings, secretKey, fault }, heapMegabytes: 96 }),
    journal: lane.journal,
    settings: {
      silenceMs: fault === 'hangs' ? 1_000 : 20_000,
      restart: { floorMs: 20, baseMs: 50, capMs: 200 },
      maxExternalBytes: 128 << 20,
    },
  });
  thread.start();
  const status = () => thread.status();
  const losses = () => status().bridge?.relays.reduce((sum, { counters }) => sum + counters.losses, 0) ?? 0;
  // At work, not only there; and its relays too.
  if (fault === 'none') await until(() => (status().bridge?.mirror.mirrored ?? 0) > 0);
  if (scenario === 'hostile') await until(() => losses() > 0);
  const measured = await block();
  // Until what is to go wrong has gone wrong.
  if (fault !== 'none') await until(() => status().starts >= 2);
  if (scenario === 'full') await until(() => (status().bridge?.mirror.failures ?? 0) > 0);
  const { bridge, starts, ended_here } = status();
  const { seen } = counts;
  counts.bridge.starts += starts;
  counts.bridge.ended_here += ended_here;
  seen.read += bridge?.mirror.read ?? 0;
  seen.mirrored += bridge?.mirror.mirrored ?? 0;
  seen.failures += bridge?.mirror.failures ?? 0;
  seen.losses += losses();
  await thread.close();
  return measured;
}

async function run(scenario: string): Promise<IsolationReport> {
  const counts: Counts = {
    bridge: { starts: 0, ended_here: 0 },
    seen: { read: 0, mirrored: 0, failures: 0, losses: 0 },
  };
  const pairs: { readonly off: Block; readonly on: Block }[] = [];
  do {
    // Which of both is first changes, so that a drift of the machine hits both alike.
    const first = pairs.length % 2 === 0 ? await block() : undefined;
    const on = await blockWithBridge(scenario, counts);
    pairs.push({ off: first ?? (await block()), on });
  } while (scenario === 'hostile' && pairs.length < Number(pairsOfRun));
  const times = (member: keyof Block) => median(pairs.map(({ off, on }) => on[member] / off[member]));
  const medians = (which: 'off' | 'on') => ({
    p99_cpu: median(pairs.map((pair) => pair[which].p99_cpu)),
    p99_clock: median(pairs.map((pair) => pair[which].p99_clock)),
  });
  return {
    outcome: await lane.outcome(),
    times: { p99_cpu: times('p99_cpu'), p99_clock: times('p99_clock'), cpu: times('cpu') },
    pairs: pairs.length,
    off: medians('off'),
    on: medians('on'),
    ...counts,
  };
}

// Warm, so that the first block is like the others.
await block();
for (const scenario of scenarios.split(',')) process.stdout.write(`${JSON.stringify(await run(scenario))}\n`);
await lane.close();
