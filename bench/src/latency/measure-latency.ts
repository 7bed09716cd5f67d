import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type HostProcess, startHostProcess } from '../host/host-process.ts';
import { median } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { connectEcho, type Trip } from './echo.ts';
import { connectPublishing, type Until } from './publish.ts';

/** One way there; milliseconds. */
export interface LatencyFigure {
  readonly host: HostKind;
  readonly name: string;
  /** Trips that came to their end. */
  readonly counted: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** The median over the blocks of its own p50 (p99), divided by that of the echo in the block beside it. */
  readonly p50_of_echo: number | null;
  readonly p99_of_echo: number | null;
}

/** `memory`: the host keeps no log. `disk`: it does, and readers get what is on disk (confirmed reads). */
export const hostKinds = ['memory', 'disk'] as const;
export type HostKind = (typeof hostKinds)[number];

const untils: readonly Until[] = ['applied in memory', 'committed, NORMAL', 'committed, FULL'];
const stream = { id: 'runtime.bench.1', epoch: 'bench-epoch' };
/** Of an append: a draft with 260 bytes of payload, its hash and key. */
const echoBytes = 450;

/**
 * One event at a time, the next when the last one is applied; the ways in turns, a block of events each. Only the one
 * whose turn it is is connected.
 */
export async function measureLatency(
  folder: string,
  { host: kind, blocks, perBlock }: { readonly host: HostKind; readonly blocks: number; readonly perBlock: number },
): Promise<LatencyFigure[]> {
  const own = mkdtempSync(path.join(folder, 'latency-'));
  const host = await startHost(kind, own);
  try {
    const ways: readonly (() => Promise<Trip>)[] = [
      () => connectEcho(echoBytes),
      ...untils.map((until) => () => connectPublishing(host.address, stream, until, own)),
    ];
    const taken = new Map<string, number[][]>();
    for (let block = 0; block < blocks; block += 1) {
      for (const connect of ways) {
        const trip = await connect();
        const times = await timesOf(trip, perBlock);
        await trip.close();
        taken.set(trip.name, [...(taken.get(trip.name) ?? []), times]);
      }
    }
    const echo = taken.get('ws echo') ?? [];
    return [...taken].map(([name, times]) => ({
      host: kind,
      name,
      counted: times.flat().length,
      p50_ms: rounded(percentile(times.flat(), 0.5)),
      p99_ms: rounded(percentile(times.flat(), 0.99)),
      p50_of_echo: rounded(ratio(times, echo, 0.5)),
      p99_of_echo: rounded(ratio(times, echo, 0.99)),
    }));
  } finally {
    await host.stop();
    rmSync(own, { recursive: true, force: true });
  }
}

/** The first ones of a connection warm up and are not counted. */
async function timesOf(trip: Trip, count: number): Promise<number[]> {
  for (let left = Math.ceil(count / 5); left > 0; left -= 1) await trip.once();
  const times: number[] = [];
  for (let left = count; left > 0; left -= 1) times.push(await trip.once());
  return times;
}

function startHost(kind: HostKind, folder: string): Promise<HostProcess> {
  const spec = { stream_id: stream.id, epoch: stream.epoch, fanout: 'inbox', events: 0, text: 200 } as const;
  return startHostProcess(kind === 'disk' ? { ...spec, dataDir: path.join(folder, 'host') } : spec);
}

function ratio(own: readonly number[][], echo: readonly number[][], of: number): number {
  return median(own.map((times, block) => percentile(times, of) / percentile(echo[block] ?? [], of)));
}

/** Nearest rank. */
function percentile(values: readonly number[], of: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * of) - 1)] ?? Number.NaN;
}
