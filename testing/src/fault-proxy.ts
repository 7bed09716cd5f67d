import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { FaultPipe, type Toll } from './fault-pipe.ts';
import { resetSocket } from './reset-socket.ts';

/** Where the proxy sends connections on to. */
export interface FaultProxyTarget {
  readonly host?: string;
  readonly port: number;
}

/** What has gone through so far. Bytes are counted when they have been handed on. */
export interface FaultProxyCounters {
  readonly accepted: number;
  readonly refused: number;
  readonly cut: number;
  readonly open: number;
  readonly bytes_to_server: number;
  readonly bytes_to_client: number;
}

/** A TCP proxy on the loopback whose owner can make the network bad. */
export interface FaultProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  counters(): FaultProxyCounters;
  /** Resets every open connection on both sides. Returns how many there were. */
  cutAll(): number;
  /** From now on new connections are reset at once (true) or served (false). Open ones are left alone. */
  refuse(on: boolean): void;
  /** Half-open: connections stay, nothing is handed on in either direction. What arrives is kept, up to TCP's window. */
  pause(): void;
  resume(): void;
  /**
   * As when a router forgets a connection: the open ones stay open on both sides and nothing passes through them ever
   * again, not even their end. New ones are served. Returns how many there were.
   */
  strandAll(): number;
  /** Milliseconds that every chunk waits before it is handed on, in order. 0 turns it off. */
  delay(milliseconds: number): void;
  /** Resets the connection that hands on the n-th byte from now, both directions counted, in the middle of a chunk. */
  cutAfter(bytes: number): void;
  /** Bytes per second and direction of each connection; undefined for no limit. */
  rate(bytesPerSecond: number | undefined): void;
  /** Sends new connections to another server, e.g. after a restart on another port. */
  retarget(target: FaultProxyTarget): void;
  /** Cuts what is open and stops listening. */
  close(): Promise<void>;
}

/** Starts a proxy in front of `target`, on a free port. */
export async function startFaultProxy(target: FaultProxyTarget): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  const total = { accepted: 0, refused: 0, cut: 0, bytes_to_server: 0, bytes_to_client: 0 };
  const weather = { paused: false, delayMs: 0, bytesPerSecond: undefined as number | undefined };
  let upstream = target;
  let refusing = false;
  let cutIn = Number.POSITIVE_INFINITY;

  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    if (refusing) {
      total.refused += 1;
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    total.accepted += 1;
    const remote = connect({ host: upstream.host ?? '127.0.0.1', port: upstream.port, allowHalfOpen: true });
    const toll = (direction: 'bytes_to_server' | 'bytes_to_client'): Toll => ({
      ask(wanted) {
        const bytes = Math.min(wanted, cutIn);
        cutIn -= bytes;
        const last = cutIn === 0;
        // One cut for one call: the next connection is spared.
        if (last) cutIn = Number.POSITIVE_INFINITY;
        return { bytes, last };
      },
      passed(bytes, last) {
        total[direction] += bytes;
        if (last) cut(pair);
      },
    });
    const pair: Pair = {
      client,
      remote,
      stranded: false,
      pipes: [
        new FaultPipe(client, remote, weather, toll('bytes_to_server')),
        new FaultPipe(remote, client, weather, toll('bytes_to_client')),
      ],
    };
    pairs.add(pair);
    for (const socket of [client, remote]) {
      socket.setNoDelay(true);
      // The other side must see the end too, whichever side broke; but not through a stranded pair.
      socket.on('error', () => {
        if (!pair.stranded) drop(pair);
      });
      socket.on('close', (failed) => {
        if ((failed && !pair.stranded) || (client.destroyed && remote.destroyed)) drop(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  function drop(pair: Pair): void {
    if (!pairs.delete(pair)) return;
    for (const pipe of pair.pipes) pipe.stop();
    for (const socket of [pair.client, pair.remote]) resetSocket(socket);
  }
  function cut(pair: Pair): void {
    if (!pairs.has(pair)) return;
    total.cut += 1;
    drop(pair);
  }
  const changed = (): void => {
    for (const pair of pairs) for (const pipe of pair.pipes) pipe.weatherChanged();
  };

  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    counters: () => ({ ...total, open: pairs.size }),
    cutAll() {
      const open = [...pairs];
      for (const pair of open) cut(pair);
      return open.length;
    },
    refuse(on) {
      refusing = on;
    },
    pause() {
      weather.paused = true;
      changed();
    },
    resume() {
      weather.paused = false;
      changed();
    },
    strandAll() {
      const open = [...pairs].filter(({ stranded }) => !stranded);
      for (const pair of open) {
        pair.stranded = true;
        for (const pipe of pair.pipes) pipe.strand();
      }
      return open.length;
    },
    delay(milliseconds) {
      weather.delayMs = milliseconds;
    },
    cutAfter(bytes) {
      cutIn = Math.max(1, bytes);
    },
    rate(bytesPerSecond) {
      weather.bytesPerSecond = bytesPerSecond;
      changed();
    },
    retarget(next) {
      upstream = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const pair of [...pairs]) drop(pair);
      }),
  };
}

interface Pair {
  readonly client: Socket;
  readonly remote: Socket;
  stranded: boolean;
  readonly pipes: readonly FaultPipe[];
}
