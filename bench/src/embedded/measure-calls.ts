import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { bareInsert } from './bare-items.ts';
import { itemSource, putItem } from './items.ts';
import { callReducer, committedCalls, connectRaw, connectToHost, pipeline } from './raw-client.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** Calls of one client with so many under way at a time. */
export interface CallFigure {
  readonly name: string;
  readonly window: number;
  readonly calls_per_second: number | null;
  /** Processor time of the server for one call. */
  readonly cpu_us: number | null;
  /** How many times as much it takes as a message of the same size to a bare ws server and back. */
  readonly of_echo_cpu: number | null;
  readonly of_echo_wall: number | null;
  /** How many times as much it takes as a bare insert of the same row with its own commit. */
  readonly of_insert_cpu: number | null;
}

/** @param folder Files are made in it. */
export async function measureCalls(
  folder: string,
  { calls, rounds, windows }: { readonly calls: number; readonly rounds: number; readonly windows: readonly number[] },
): Promise<CallFigure[]> {
  const own = mkdtempSync(path.join(folder, 'calls-'));
  const bare = await startServer('bare');
  const memory = await startServer('host');
  const disk = await startServer('host', path.join(own, 'host'));
  try {
    const figures: CallFigure[] = [];
    for (const window of windows) {
      const turns = await inTurns(
        [
          await echo('ws echo', bare, calls, window),
          bareInsert('bare insert, a commit each', own, itemAt(), calls, 1),
          await reducer('empty reducer, memory', memory, 'nothing', calls, window),
          await reducer('insert, memory', memory, 'put_item', calls, window),
          await reducer('insert, log, unconfirmed', disk, 'put_item', calls, window),
          // One at a time, a confirmed call takes as long as the log waits for others: that is latency.ts.
          ...(window === 1 ? [] : [await reducer('insert, log, confirmed', disk, 'put_item', calls, window, true)]),
        ],
        { units: calls, rounds },
      );
      figures.push(...figuresOf(turns, window));
    }
    return figures;
  } finally {
    await Promise.all([bare, memory, disk].map((server) => server.stop()));
    rmSync(own, { recursive: true, force: true });
  }
}

function itemAt(): (n: number) => ReturnType<ReturnType<typeof itemSource>> {
  const next = itemSource();
  return () => next();
}

async function echo(name: string, server: ServerProcess, calls: number, window: number): Promise<Contestant> {
  const client = await connectRaw(server.url);
  const message = Uint8Array.from(putItem(0, itemSource()()));
  message[0] = 0;
  return {
    name,
    cpu: server.cpu,
    prepare: () => {
      let answered = 0;
      const each = () => message;
      const one = () => 1;
      return {
        work: async () => {
          answered = await pipeline(client, calls, window, each, one);
        },
        check: () => answered,
      };
    },
  };
}

const sources = new Map<ServerProcess, ReturnType<typeof itemSource>>();

async function reducer(
  name: string,
  server: ServerProcess,
  called: 'nothing' | 'put_item',
  calls: number,
  window: number,
  confirmed = false,
): Promise<Contestant> {
  const client = await connectToHost(server.url, { confirmed });
  // Ids go on from one contestant of a server to the next.
  const next = sources.get(server) ?? itemSource();
  sources.set(server, next);
  const nothing = callReducer(0, 'nothing', () => {});
  return {
    name,
    cpu: server.cpu,
    prepare: () => {
      const messages = Array.from({ length: calls }, (_, n) => (called === 'nothing' ? nothing : putItem(n, next())));
      let committed = 0;
      return {
        work: async () => {
          committed = await pipeline(client, calls, window, (n) => messages[n] ?? nothing, committedCalls);
        },
        check: () => committed,
      };
    },
  };
}

function figuresOf(figures: readonly Figures[], window: number): CallFigure[] {
  const [echoed, inserted] = figures;
  if (echoed === undefined || inserted === undefined) throw new Error('nothing was measured');
  return figures.map((own) => ({
    name: own.name,
    window,
    calls_per_second: rounded(Math.round(1_000_000 / median(own.turns.map((turn) => turn.wall)))),
    cpu_us: rounded(median(own.turns.map((turn) => turn.cpu))),
    of_echo_cpu: rounded(timesAsMuch(own, echoed, 'cpu')),
    of_echo_wall: rounded(timesAsMuch(own, echoed, 'wall')),
    of_insert_cpu: rounded(timesAsMuch(own, inserted, 'cpu')),
  }));
}
