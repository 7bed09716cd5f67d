import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { itemSource, putItem } from './items.ts';
import { connectMany, connectRaw, connectToHost, nextPayload, type RawClient, subscribe } from './raw-client.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** One transaction of one row to so many subscribers. */
export interface FanoutFigure {
  readonly name: string;
  readonly subscribers: number;
  /** Milliseconds from the call until the last subscriber has the row. */
  readonly wall_ms: number | null;
  /** Microseconds of processor time of the server for one subscriber. */
  readonly cpu_us: number | null;
  /** How many times as much it takes as a bare ws server that sends the same bytes to as many. */
  readonly of_bare_cpu: number | null;
  readonly of_bare_wall: number | null;
}

interface Case {
  readonly name: string;
  readonly compression: 'None' | 'Brotli';
  /** Bytes of text in the row. */
  readonly text: number;
  readonly query: (subscriber: number) => string;
}

const cases: readonly Case[] = [
  { name: 'one query', compression: 'None', text: 200, query: () => "SELECT * FROM item WHERE topic = 'one query'" },
  {
    name: 'a query each',
    compression: 'None',
    text: 200,
    query: (n) => `SELECT * FROM item WHERE topic = 'a query each' AND id > ${n}`,
  },
  {
    name: 'one query, Brotli',
    compression: 'Brotli',
    text: 4_000,
    query: () => "SELECT * FROM item WHERE topic = 'one query, Brotli'",
  },
];
/** Ids of rows are above the constants of the queries. */
const firstId = 1_000_000n;

export async function measureFanout({
  subscribers,
  transactions,
  rounds,
}: {
  readonly subscribers: number;
  readonly transactions: number;
  readonly rounds: number;
}): Promise<FanoutFigure[]> {
  const bare = await startServer('bare');
  const host = await startServer('host');
  try {
    const writer = await connectToHost(host.url);
    const figures: FanoutFigure[] = [];
    const echoes = await connectMany(subscribers, () => connectRaw(bare.url));
    for (const each of cases) {
      const told = await connectMany(subscribers, () => connectToHost(host.url, each));
      for (const [n, client] of told.entries()) {
        client.send(subscribe(1, 1, [each.query(n)]));
        await nextPayload(client);
      }
      const turns = await inTurns(
        [broadcast(bare, echoes, each.text, transactions), fanOut(each, host, writer, told, transactions)],
        { units: transactions, rounds },
      );
      figures.push(...figuresOf(turns, subscribers));
      for (const client of told) client.close();
    }
    return figures;
  } finally {
    await Promise.all([bare.stop(), host.stop()]);
  }
}

function broadcast(server: ServerProcess, clients: readonly RawClient[], text: number, count: number): Contestant {
  // About as many bytes as an update with one row.
  const message = new Uint8Array(text + 80).fill(1);
  return {
    name: `ws broadcast, ${text} B`,
    cpu: server.cpu,
    prepare: () => {
      let told = 0;
      return {
        work: async () => {
          for (let left = count; left > 0; left -= 1) told += await allTold(clients, () => clients[0]?.send(message));
        },
        check: () => told / clients.length,
      };
    },
  };
}

const ids = { next: firstId };

function fanOut(
  each: Case,
  host: ServerProcess,
  writer: RawClient,
  told: readonly RawClient[],
  count: number,
): Contestant {
  const item = itemSource(each.text);
  return {
    name: each.name,
    cpu: host.cpu,
    prepare: () => {
      const everybody = [writer, ...told];
      let heard = 0;
      return {
        work: async () => {
          for (let n = 0; n < count; n += 1) {
            ids.next += 1n;
            const call = putItem(n, { ...item(each.name), id: ids.next });
            heard += await allTold(everybody, () => writer.send(call));
          }
        },
        check: () => heard / everybody.length,
      };
    },
  };
}

/** Resolves when everybody has got a message, with how many they were. */
async function allTold(clients: readonly RawClient[], send: () => void): Promise<number> {
  const all = Promise.all(clients.map(nextPayload));
  send();
  return (await all).filter((payload) => payload.length > 0).length;
}

function figuresOf(figures: readonly Figures[], subscribers: number): FanoutFigure[] {
  const [bare] = figures;
  if (bare === undefined) throw new Error('nothing was measured');
  return figures.map((own) => ({
    name: own.name,
    subscribers,
    wall_ms: rounded(median(own.turns.map((turn) => turn.wall)) / 1_000),
    cpu_us: rounded(median(own.turns.map((turn) => turn.cpu)) / subscribers),
    of_bare_cpu: rounded(timesAsMuch(own, bare, 'cpu')),
    of_bare_wall: rounded(timesAsMuch(own, bare, 'wall')),
  }));
}
