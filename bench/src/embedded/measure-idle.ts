import { median } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { connectMany, connectRaw, connectToHost, nextPayload, type RawClient, subscribe } from './raw-client.ts';
import { type ServerMemory, type ServerProcess, startServer } from './server-process.ts';

/** Bytes of the server for one connection that does nothing, after everything that can be collected was. */
export interface IdleFigure {
  readonly name: string;
  readonly connections: number;
  readonly rss_bytes: number | null;
  readonly heap_bytes: number | null;
  /** How many times as much as a bare ws server has for one. */
  readonly of_bare_rss: number | null;
  readonly of_bare_heap: number | null;
}

interface Case {
  readonly name: string;
  readonly kind: 'bare' | 'host';
  connect(url: string, n: number): Promise<RawClient>;
}

const cases: readonly Case[] = [
  { name: 'bare ws', kind: 'bare', connect: (url) => connectRaw(url) },
  { name: 'host', kind: 'host', connect: (url) => connectToHost(url) },
  { name: 'host, one query for all', kind: 'host', connect: (url) => subscribed(url, 'SELECT * FROM item') },
  {
    name: 'host, a query each',
    kind: 'host',
    connect: (url, n) => subscribed(url, `SELECT * FROM item WHERE topic = 'topic ${n}'`),
  },
];

/** Every server is a process of its own, new in every round; the rounds go in turns. */
export async function measureIdle({
  connections,
  rounds,
}: {
  readonly connections: number;
  readonly rounds: number;
}): Promise<IdleFigure[]> {
  const taken = new Map<string, { rss: number; heap: number }[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const each of cases)
      taken.set(each.name, [...(taken.get(each.name) ?? []), await perConnection(each, connections)]);
  }
  const bare = taken.get('bare ws') ?? [];
  const of = (own: typeof bare, what: 'rss' | 'heap') =>
    rounded(median(own.map((each, round) => each[what] / (bare[round]?.[what] ?? Number.NaN))));
  return [...taken].map(([name, own]) => ({
    name,
    connections,
    rss_bytes: rounded(Math.round(median(own.map(({ rss }) => rss)))),
    heap_bytes: rounded(Math.round(median(own.map(({ heap }) => heap)))),
    of_bare_rss: of(own, 'rss'),
    of_bare_heap: of(own, 'heap'),
  }));
}

async function perConnection({ kind, connect }: Case, connections: number): Promise<{ rss: number; heap: number }> {
  const server = await startServer(kind);
  try {
    // What the first ones need is not of each connection.
    let n = 0;
    const next = () => {
      n += 1;
      return connect(server.url, n);
    };
    await connectMany(Math.min(100, connections), next);
    const before = await settled(server);
    await connectMany(connections, next);
    const after = await settled(server);
    const of = (what: 'rss' | 'heap' | 'external') => (after[what] - before[what]) / connections;
    return { rss: of('rss'), heap: of('heap') + of('external') };
  } finally {
    await server.stop();
  }
}

async function settled(server: ServerProcess): Promise<ServerMemory> {
  await server.memory();
  return server.memory();
}

async function subscribed(url: string, query: string): Promise<RawClient> {
  const client = await connectToHost(url);
  const answer = nextPayload(client);
  client.send(subscribe(1, 1, [query]));
  await answer;
  return client;
}
