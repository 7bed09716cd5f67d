// Drives a real lane while a bridge beside it meets what it must not pass on, and prints what came of the lane as JSON.
// main.ts FOLDER SCENARIO[,SCENARIO...] RELAYS(json) [ROUNDS [LIMIT]]: one line for each, in their order, all on one lane.
// With ROUNDS, times are measured; where the ratio is above LIMIT after so many, over as many again.
import path from 'node:path';
import { BridgeProcess, type BridgeSettings, nodeBridgeProcess } from '../../../packages/nostr-bridge/src/index.ts';
import { systemPorts as ports } from '../../../packages/sync-contract/src/system-ports.ts';
import { startOwnerLane } from '../owner-lane/owner-lane.ts';
import { waitFor } from '../wait-for.ts';

/** What one run came to. */
export interface IsolationReport {
  readonly outcome: { published: number; stored: number; repeated: number; gaps: number; chainsAgree: boolean };
  /** What was measured; nothing of it without rounds. */
  readonly times: {
    readonly rounds: number;
    readonly events: number;
    /**
     * How many times as long the 99th percentile from publishing to stored was with the bridge as without: by the clock,
     * and by the processor time of the owner's process.
     */
    readonly p99: number;
    readonly p99_cpu: number;
    /** The same of two halves without a bridge, of which nothing differs: how far chance alone leads here. */
    readonly null_p99: number;
    /** The 99th percentiles in milliseconds. */
    readonly off_ms: number;
    readonly on_ms: number;
  };
  readonly bridge: { readonly starts: number; readonly ended_here: number };
  /** What the bridge read and stored meanwhile, and connections that it lost. */
  readonly seen: {
    readonly read: number;
    readonly mirrored: number;
    readonly failures: number;
    readonly losses: number;
  };
}

const [folder = '', scenarios = '', urls = '[]', roundsText = '0', limitText = 'Infinity'] = process.argv.slice(2);
const rounds = Number(roundsText);
const limit = Number(limitText);
/** Events of one block; where times count, so many that the start of a bridge is a small part of them. */
const perBlock = rounds > 0 ? 3_000 : 150;
/** Events between the end of a bridge and the next block. */
const settling = 300;
let blocksWithBridge = 0;
const script = new URL('../../../packages/nostr-bridge/test/process/bridge-child.ts', import.meta.url);
const secretKey = new Uint8Array(32).fill(7);

function settingsFor(scenario: string): BridgeSettings {
  return {
    file: path.join(folder, `${scenario}-${blocksWithBridge}.sqlite`),
    relays: JSON.parse(urls) as string[],
    quorum: { type: 'majority' },
    // Where times count all is as it is by default.
    ...(rounds > 0 ? {} : { mirror: { pollMs: 100 } }),
    provider: { kinds: [5_050], ...(rounds > 0 ? {} : { pollMs: 100 }) },
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

/** Milliseconds of each event. */
interface Block {
  readonly clock: readonly number[];
  readonly cpu: readonly number[];
}

async function block(events = perBlock): Promise<Block> {
  const clock: number[] = [];
  const cpu: number[] = [];
  for (let n = 0; n < events; n += 1) {
    const before = threadCpu();
    clock.push(await lane.publish());
    cpu.push((threadCpu() - before) / 1_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { clock, cpu };
}

const p99 = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;

interface Counts {
  bridge: { starts: number; ended_here: number };
  seen: { read: number; mirrored: number; failures: number; losses: number };
}

async function blockWithBridge(scenario: string, counts: Counts): Promise<Block> {
  blocksWithBridge += 1;
  const settings = settingsFor(scenario);
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
  const status = () => supervised.status();
  const losses = () => status().bridge?.relays.reduce((sum, { counters }) => sum + counters.losses, 0) ?? 0;
  const isAtWork = () => (status().bridge?.mirror.mirrored ?? 0) > 0 && (scenario !== 'hostile' || losses() > 0);
  // Where times count its start is part of them, and the block long enough for all that follows.
  if (rounds === 0 && fault === 'none') await until(isAtWork);
  const measured = await block();
  // Until what is to go wrong has gone wrong.
  await until(fault === 'none' ? isAtWork : () => status().starts >= 2);
  if (scenario === 'full') await until(() => (status().bridge?.mirror.failures ?? 0) > 0);
  const { bridge, starts, ended_here } = status();
  const { seen } = counts;
  counts.bridge.starts += starts;
  counts.bridge.ended_here += ended_here;
  seen.read += bridge?.mirror.read ?? 0;
  seen.mirrored += bridge?.mirror.mirrored ?? 0;
  seen.failures += bridge?.mirror.failures ?? 0;
  seen.losses += losses();
  await supervised.close();
  // What its end leaves behind is no part of a block without one.
  if (rounds > 0) await block(settling);
  return measured;
}

/** One block with the bridge and two without, of which each is first, second and last in turn: a drift hits all alike. */
async function round(number: number, scenario: string, counts: Counts) {
  const blocks: Partial<Record<'off' | 'on' | 'offAgain', Block>> = {};
  const order = (['off', 'on', 'offAgain'] as const).map((_, place, all) => all[(place + number) % 3] ?? 'off');
  for (const which of order) blocks[which] = which === 'on' ? await blockWithBridge(scenario, counts) : await block();
  return blocks as Required<typeof blocks>;
}

async function run(scenario: string): Promise<IsolationReport> {
  const counts: Counts = {
    bridge: { starts: 0, ended_here: 0 },
    seen: { read: 0, mirrored: 0, failures: 0, losses: 0 },
  };
  const done: Awaited<ReturnType<typeof round>>[] = [];
  if (rounds === 0) {
    await block();
    await blockWithBridge(scenario, counts);
  }
  const measure = async () => {
    for (const end = done.length + rounds; done.length < end; ) done.push(await round(done.length, scenario, counts));
    return timesOf(done);
  };
  let times = await measure();
  if (times.p99 > limit) times = await measure();
  return { outcome: await lane.outcome(), times, ...counts };
}

function timesOf(done: readonly Awaited<ReturnType<typeof round>>[]): IsolationReport['times'] {
  // All events of a kind together: a burst of something else is then a few of many.
  const of = (member: keyof Block, ...kinds: readonly ('off' | 'on' | 'offAgain')[]) =>
    p99(done.flatMap((one) => kinds.flatMap((kind) => one[kind][member])));
  const off_ms = of('clock', 'off', 'offAgain');
  const on_ms = of('clock', 'on');
  return {
    rounds: done.length,
    events: done.length * perBlock * 3,
    p99: on_ms / off_ms,
    p99_cpu: of('cpu', 'on') / of('cpu', 'off', 'offAgain'),
    null_p99: of('clock', 'off') / of('clock', 'offAgain'),
    off_ms,
    on_ms,
  };
}

// Warm, so that the first block is like the others.
await block();
for (const scenario of scenarios.split(',')) process.stdout.write(`${JSON.stringify(await run(scenario))}\n`);
await lane.close();
