import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { itemSource, putItem } from './items.ts';
import {
  callReducer,
  committedCalls,
  connectMany,
  connectToHost,
  nextPayload,
  pipeline,
  type RawClient,
  subscribe,
  unsubscribe,
} from './raw-client.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** A committed transaction while so many subscriptions to other rows of the same table stand. */
export interface StandingFigure {
  readonly kind: string;
  readonly standing: number;
  /** Microseconds of processor time of the host for a transaction. */
  readonly cpu_us: number | null;
  /** Queries that were evaluated for a transaction. */
  readonly evaluations: number | null;
  /** How many times as much as without subscriptions. */
  readonly of_none_cpu: number | null;
}

interface Kind {
  readonly name: string;
  /** A row that concerns no subscription. */
  readonly write: (n: number) => Uint8Array;
  /** Where queries are the same text for everybody: so many clients hold it. Else one client holds so many. */
  readonly query: string | ((n: number) => string);
}

const nobody = 1n;
const window = 40;

function kinds(): readonly Kind[] {
  const item = itemSource();
  let id = 0n;
  const next = () => {
    id += 1n;
    return id;
  };
  return [
    {
      name: 'equality',
      write: (n) => putItem(n, item('written')),
      query: (n) => `SELECT * FROM item WHERE topic = 'other ${n}'`,
    },
    {
      name: 'rule: recipient = :sender',
      write: (n) =>
        callReducer(n, 'put_note', (writer) => {
          writer.writeU64(next());
          writer.writeU256(nobody);
          writer.writeString('x'.repeat(200));
        }),
      query: 'SELECT * FROM note',
    },
    { name: 'view of each sender', write: (n) => putMember(n, next(), 0), query: 'SELECT * FROM mine' },
    {
      name: 'join with an equality on the other side',
      write: (n) => putMember(n, next(), 0),
      query: (n) => `SELECT m.* FROM member m JOIN room r ON m.room = r.id WHERE r.topic = 'other ${n}'`,
    },
  ];
}

function putMember(request: number, id: bigint, room: number): Uint8Array {
  return callReducer(request, 'put_member', (writer) => {
    writer.writeU64(id);
    writer.writeU256(nobody);
    writer.writeU32(room);
  });
}

export async function measureStanding({
  standing,
  commits,
  rounds,
}: {
  /** The first one is what the others are compared with. */
  readonly standing: readonly number[];
  readonly commits: number;
  readonly rounds: number;
}): Promise<StandingFigure[]> {
  const figures: StandingFigure[] = [];
  for (const kind of kinds()) {
    // A host each: none has rows that another kind has left.
    const host = await startServer('host');
    try {
      const writer = await connectToHost(host.url);
      const most = Math.max(...standing);
      const holders = await connectMany(typeof kind.query === 'string' ? most : 1, () => connectToHost(host.url));
      const evaluations = new Map<number, number>();
      const turns = await inTurns(
        standing.map((count) => commitsBeside(kind, host, writer, holders, count, commits, evaluations)),
        { units: commits, rounds },
      );
      figures.push(...figuresOf(kind, turns, standing, evaluations));
    } finally {
      await host.stop();
    }
  }
  return figures;
}

function commitsBeside(
  kind: Kind,
  host: ServerProcess,
  writer: RawClient,
  holders: readonly RawClient[],
  standing: number,
  commits: number,
  evaluations: Map<number, number>,
): Contestant {
  const { query } = kind;
  const [only] = holders;
  return {
    name: `${kind.name}, ${standing}`,
    cpu: host.cpu,
    prepare: async () => {
      const holding =
        standing === 0 ? [] : typeof query === 'string' ? holders.slice(0, standing) : holders.slice(0, 1);
      const texts = typeof query === 'string' ? [query] : Array.from({ length: standing }, (_, n) => query(n));
      for (const client of holding) await answered(client, subscribe(1, 1, texts));
      for (const client of holding)
        client.onPayload = () => {
          throw new Error('It was told of rows of others.');
        };
      const before = await host.evaluations();
      let committed = 0;
      return {
        work: async () => {
          committed = await pipeline(writer, commits, window, kind.write, committedCalls);
        },
        check: async () => {
          evaluations.set(standing, ((await host.evaluations()) - before) / commits);
          for (const client of holding) await answered(client, unsubscribe(2, 1));
          if (only === undefined) throw new Error('Nobody holds anything.');
          return committed;
        },
      };
    },
  };
}

async function answered(client: RawClient, message: Uint8Array): Promise<void> {
  const answer = nextPayload(client);
  client.send(message);
  const payload = await answer;
  if (payload[1] === 3) throw new Error(`Refused: ${payload.toString('latin1', 11)}`);
}

function figuresOf(
  kind: Kind,
  figures: readonly Figures[],
  standing: readonly number[],
  evaluations: ReadonlyMap<number, number>,
): StandingFigure[] {
  const [none] = figures;
  if (none === undefined) throw new Error('nothing was measured');
  return figures.map((own, at) => ({
    kind: kind.name,
    standing: standing[at] ?? 0,
    cpu_us: rounded(median(own.turns.map((turn) => turn.cpu))),
    evaluations: rounded(evaluations.get(standing[at] ?? 0) ?? Number.NaN),
    of_none_cpu: rounded(timesAsMuch(own, none, 'cpu')),
  }));
}
