import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { memoryOf, peakMemoryOf, resetPeakMemory } from '../measure/peak-memory.ts';
import { rounded } from '../measure/print.ts';
import { bareInsert } from './bare-items.ts';
import { itemSource } from './items.ts';
import {
  callReducer,
  committedCalls,
  connectRaw,
  connectToHost,
  nextPayload,
  pipeline,
  subscribe,
} from './raw-client.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** A table as one snapshot. */
export interface SnapshotFigure {
  readonly name: string;
  readonly rows: number;
  readonly rows_per_second: number | null;
  /** Microseconds of processor time of the server for a row. */
  readonly cpu_us: number | null;
  /** Megabytes (2^20) of the answer, and of what the process had at most beyond what it had before. */
  readonly payload_mb: number | null;
  readonly peak_mb: number | null;
  /** How many times as much it takes as a bare ws server that sends as many bytes. */
  readonly of_bare_cpu: number | null;
  readonly of_bare_wall: number | null;
  /** How many times as much it takes as a bare insert of the same rows, 10,000 a commit. */
  readonly of_insert_cpu: number | null;
}

const perTransaction = 10_000;

const cases = [
  { name: 'SELECT * FROM item', compression: 'None', query: 'SELECT * FROM item' },
  { name: 'the same, Brotli', compression: 'Brotli', query: 'SELECT * FROM item' },
  { name: 'with a condition on a string', compression: 'None', query: "SELECT * FROM item WHERE text <> 'y'" },
] as const;

/** What one contestant had beyond what the process had before, by turn. */
type Extra = Map<string, { payload: number; peaks: number[] }>;

export async function measureSnapshot(
  folder: string,
  { rows, rounds }: { readonly rows: number; readonly rounds: number },
): Promise<SnapshotFigure[]> {
  const own = mkdtempSync(path.join(folder, 'snapshot-'));
  const host = await startServer('host');
  const bare = await startServer('bare');
  try {
    await fill(host, rows);
    const extra: Extra = new Map();
    const payload = (await snapshotOf(host, 'None', 'SELECT * FROM item')).length;
    const next = itemSource();
    const turns = await inTurns(
      [
        bareBytes('bare ws, as many bytes', bare, payload, extra),
        bareInsert('bare insert, 10,000 a commit', own, () => next(), rows, perTransaction),
        ...cases.map((each) => snapshot(each, host, extra)),
      ],
      { units: rows, rounds },
    );
    return figuresOf(turns, rows, extra);
  } finally {
    await Promise.all([host.stop(), bare.stop()]);
    rmSync(own, { recursive: true, force: true });
  }
}

async function fill(host: ServerProcess, rows: number): Promise<void> {
  const client = await connectToHost(host.url);
  const text = 'x'.repeat(200);
  const call = (n: number) =>
    callReducer(n, 'fill_items', (writer) => {
      writer.writeU64(BigInt(n * perTransaction));
      writer.writeU32(Math.min(perTransaction, rows - n * perTransaction));
      writer.writeString(text);
    });
  await pipeline(client, Math.ceil(rows / perTransaction), 1, call, committedCalls);
  client.close();
}

async function snapshotOf(host: ServerProcess, compression: 'None' | 'Brotli', query: string): Promise<Buffer> {
  const client = await connectToHost(host.url, { compression });
  const answer = nextPayload(client);
  client.send(subscribe(1, 1, [query]));
  const payload = await answer;
  client.close();
  return payload;
}

function snapshot({ name, compression, query }: (typeof cases)[number], host: ServerProcess, extra: Extra): Contestant {
  return {
    name,
    cpu: host.cpu,
    prepare: async () => {
      const before = await settled(host);
      let payload: Buffer = Buffer.alloc(0);
      return {
        work: async () => {
          payload = await snapshotOf(host, compression, query);
        },
        check: () => {
          note(extra, name, payload.length, peakMemoryOf(host.pid) - before);
          return rowsIn(payload);
        },
      };
    },
  };
}

function bareBytes(name: string, bare: ServerProcess, bytes: number, extra: Extra): Contestant {
  return {
    name,
    expected: bytes,
    cpu: bare.cpu,
    prepare: async () => {
      const client = await connectRaw(bare.url);
      const message = Buffer.alloc(5, 2);
      message.writeUInt32LE(bytes, 1);
      const before = await settled(bare);
      let payload: Buffer = Buffer.alloc(0);
      return {
        work: async () => {
          const answer = nextPayload(client);
          client.send(message);
          payload = await answer;
        },
        check: () => {
          note(extra, name, payload.length, peakMemoryOf(bare.pid) - before);
          client.close();
          return payload.length;
        },
      };
    },
  };
}

/** The memory of a server after what can be collected was; its peak begins anew. */
async function settled(server: ServerProcess): Promise<number> {
  await server.memory();
  resetPeakMemory(server.pid);
  return memoryOf(server.pid);
}

function note(extra: Extra, name: string, payload: number, peak: number): void {
  const known = extra.get(name) ?? { payload, peaks: [] };
  known.peaks.push(peak);
  extra.set(name, known);
}

/** The rows of the one table of a SubscribeApplied. */
function rowsIn(payload: Buffer): number {
  const body = payload[0] === 0 ? payload.subarray(1) : brotliDecompressSync(payload.subarray(1));
  // tag, request, set, one table, its name
  const list = 1 + 4 + 4 + 4 + 4 + 'item'.length;
  if (body[0] !== 1) throw new Error('Not a SubscribeApplied.');
  if (body[list] === 1) return body.readUInt32LE(list + 1);
  return body.readUInt32LE(list + 3) / body.readUInt16LE(list + 1);
}

function figuresOf(figures: readonly Figures[], rows: number, extra: Extra): SnapshotFigure[] {
  const [bare, inserted] = figures;
  if (bare === undefined || inserted === undefined) throw new Error('nothing was measured');
  const megabytes = (bytes: number) => rounded(bytes / 2 ** 20);
  return figures.map((own) => ({
    name: own.name,
    rows,
    rows_per_second: rounded(Math.round(1_000_000 / median(own.turns.map((turn) => turn.wall)))),
    cpu_us: rounded(median(own.turns.map((turn) => turn.cpu))),
    payload_mb: megabytes(extra.get(own.name)?.payload ?? Number.NaN),
    // The first turn warms up.
    peak_mb: megabytes(median(extra.get(own.name)?.peaks.slice(1) ?? [])),
    of_bare_cpu: rounded(timesAsMuch(own, bare, 'cpu')),
    of_bare_wall: rounded(timesAsMuch(own, bare, 'wall')),
    of_insert_cpu: rounded(timesAsMuch(own, inserted, 'cpu')),
  }));
}
