import { headOf } from '../host/head-of.ts';
import { startHostProcess } from '../host/host-process.ts';
import { cpuSecondsOf } from '../measure/cpu-seconds.ts';
import { type Contestant, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { streamId } from '../wire/events.ts';
import { useLargeSockets } from './large-socket.ts';
import { resubscribe, resumeSession } from './resume.ts';

/** One way to be up to date again; of one reconnect. */
export interface ReconnectFigure {
  readonly name: string;
  /** Events of all rounds that the reader had in the end. */
  readonly counted: number;
  /** Both directions, headers included. */
  readonly bytes: number | null;
  readonly milliseconds: number | null;
  readonly client_cpu_ms: number | null;
  readonly host_cpu_ms: number | null;
  /** Bytes and time divided by those of the session. */
  readonly times_the_bytes: number | null;
  readonly times_the_time: number | null;
}

/** Connects again with `missed` of `events` missed, in each of the ways. */
export async function measureReconnect({
  events,
  missed,
  rounds,
}: {
  readonly events: number;
  readonly missed: number;
  readonly rounds: number;
}): Promise<ReconnectFigure[]> {
  useLargeSockets();
  const before = BigInt(events - missed);
  const epoch = 'bench-epoch';
  const host = await startHostProcess({
    stream_id: streamId,
    epoch,
    fanout: 'public',
    events: events - missed,
    text: 60,
  });
  try {
    const { address, pid } = host;
    const from = await headOf(address, streamId, epoch);
    await host.append(missed);
    const goal = await headOf(address, streamId, epoch);
    const all = `SELECT * FROM public_event WHERE stream_id = '${streamId}'`;
    const spent = new Map<string, { readonly bytes: number; readonly hostCpu: number }[]>();
    const contestant = (name: string, expected: number, connect: () => Promise<number>): Contestant => ({
      name,
      expected,
      prepare: async () => {
        const [counts, cpu] = [await host.counts(), cpuSecondsOf(pid)];
        let rows = 0;
        return {
          work: async () => {
            rows = await connect();
          },
          check: async () => {
            const { to_client, to_server } = await host.counts();
            const bytes = to_client + to_server - counts.to_client - counts.to_server;
            const own = spent.get(name) ?? [];
            spent.set(name, [...own, { bytes, hostCpu: (cpuSecondsOf(pid) - cpu) * 1_000 }]);
            return rows;
          },
        };
      },
    });
    const figures = await inTurns(
      [
        contestant('session, from its position', missed, () => resumeSession(address, from, goal)),
        contestant('official, everything again', events, () => resubscribe(address, all)),
        contestant('official, seq > position', missed, () => resubscribe(address, `${all} AND seq > ${before}`)),
      ],
      { units: 1, rounds },
    );
    const [own] = figures;
    if (own === undefined) throw new Error('nothing was measured');
    const bytesOf = (name: string) => median((spent.get(name) ?? []).slice(1).map(({ bytes }) => bytes));
    return figures.map((each) => ({
      name: each.name,
      counted: each.counted,
      bytes: rounded(bytesOf(each.name)),
      milliseconds: rounded(median(each.turns.map(({ wall }) => wall / 1_000))),
      client_cpu_ms: rounded(median(each.turns.map(({ cpu }) => cpu / 1_000))),
      host_cpu_ms: rounded(median((spent.get(each.name) ?? []).slice(1).map(({ hostCpu }) => hostCpu))),
      times_the_bytes: rounded(bytesOf(each.name) / bytesOf(own.name)),
      times_the_time: rounded(timesAsMuch(each, own, 'wall')),
    }));
  } finally {
    await host.stop();
  }
}
