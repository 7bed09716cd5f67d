import path from 'node:path';
import {
  defaultRelaySettings,
  follow,
  Inbound,
  nodeVerifyWorkers,
  openBridgeFile,
  Relay,
  SeenSet,
  WorkerVerifier,
} from '@autopilot/nostr-bridge';
import type { SocketFactory } from '@autopilot/sync-contract';
import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';

/** What takes the events of one relay. */
export interface OpenInbound {
  readonly relay: Relay;
  readonly inbound: Inbound;
  readonly seen: SeenSet;
  /** Path of its file. */
  readonly file: string;
  /** What the relay had stored has been asked for twice, as it is at every connection. */
  readonly isFollowing: Promise<void>;
  close(): Promise<void>;
}

/** The subscription of {@link openInbound}. */
export const subscriptionId = 'bench';

/** How {@link openInbound} is to be made. */
export interface InboundSpec {
  readonly folder: string;
  readonly url: string;
  readonly sockets: SocketFactory;
  /** Ids that are remembered. */
  readonly seen: number;
  /** Seconds since the Unix epoch: events of this time and later are asked for. */
  readonly from: number;
  /** Called in the transaction that takes an event. */
  readonly accept: () => void;
}

/**
 * The parts of a bridge through which events come in, put together as `Bridge` does it: one relay, one thread that checks
 * signatures, a file. All settings are those that are used where nothing is said.
 */
export async function openInbound({
  folder,
  url,
  sockets,
  seen: most,
  from,
  accept,
}: InboundSpec): Promise<OpenInbound> {
  const name = path.join(folder, 'bridge.sqlite');
  const file = await openBridgeFile({ file: name, as: 'owner' });
  const verifier = new WorkerVerifier({ ports, spawn: nodeVerifyWorkers, workers: 1, batchMs: 20_000 });
  // Loading the thread and its WebAssembly is no part of the work.
  await verifier.verify([]);
  const seen = new SeenSet(file, most);
  const inbound = new Inbound({ file, ports, verifier, seen, accept });
  const following = Promise.withResolvers<void>();
  const relay = new Relay(url, {
    ports,
    sockets: closingTells(sockets, following.resolve),
    settings: defaultRelaySettings,
  });
  const cancel = follow({
    file,
    ports,
    relay,
    inbound,
    name: subscriptionId,
    filters: [{ kinds: [1] }],
    from,
    overlapSeconds: 120,
    noteMs: 10_000,
  });
  relay.start();
  return {
    relay,
    inbound,
    seen,
    file: name,
    isFollowing: following.promise,
    close: async () => {
      cancel();
      inbound.close();
      relay.close();
      await verifier.close();
      file.close();
    },
  };
}

/** The second of two overlapping REQs is closed when it was served. */
function closingTells(sockets: SocketFactory, tell: () => void): SocketFactory {
  return (request, handlers) => {
    const socket = sockets(request, handlers);
    return {
      ...socket,
      get bufferedBytes() {
        return socket.bufferedBytes;
      },
      send: (data) => {
        socket.send(data);
        if (String(data).startsWith('["CLOSE"')) tell();
      },
    };
  };
}
