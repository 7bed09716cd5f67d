import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import type { Session } from '@autopilot/session';
import { identityOf, startEmbedded } from '@autopilot/spacetime-embedded';
import { draftEvent } from '@autopilot/sync-contract';
import { startFaultProxy } from '@autopilot/testing';
import { database, liveSession, sessionTo } from './connect-session.ts';
import { BenchIssuer } from './issuer.ts';

/** Appends that are under way at a time while a stream is filled. */
const inFlight = 1_024;
/** Milliseconds for each of them: filling is not measured, and the machine may be busy with others. */
const deadlineMs = 600_000;

export const fanouts = ['inbox', 'public'] as const;

/** What a host serves. */
export interface HostSpec {
  readonly stream_id: string;
  readonly epoch: string;
  readonly fanout: (typeof fanouts)[number];
  /** Events that the stream has from the start. */
  readonly events: number;
  /** UTF-16 units of text in each payload. */
  readonly text: number;
  /** Where the commit log is kept; without it the host keeps everything in memory. */
  readonly dataDir?: string;
}

/** How to reach it. */
export interface HostAddress {
  /** Through a proxy that counts bytes. */
  readonly counted: string;
  /** Straight. */
  readonly url: string;
  /** Of one who may read the stream. */
  readonly token: string;
  /** Of one who may append to it. */
  readonly writerToken: string;
}

/** Bytes that have gone through the proxy. */
export interface ByteCounts {
  readonly to_server: number;
  readonly to_client: number;
}

/** The embedded host with the module, and one stream in it. */
export interface BenchHost {
  readonly address: HostAddress;
  append(count: number): Promise<void>;
  counts(): ByteCounts;
  close(): Promise<void>;
}

export async function startBenchHost(spec: HostSpec): Promise<BenchHost> {
  const issuer = new BenchIssuer();
  const module = await buildBundle();
  const kept = spec.dataDir === undefined ? {} : { dataDir: spec.dataDir };
  const host = await startEmbedded({ module, database, listen: '127.0.0.1:0', http: issuer.http, ...kept });
  const owner = sessionTo(host.url, host.ownerToken ?? '');
  owner.start();
  await owner.configure(issuer.url, issuer.audience);
  await owner.close();
  const proxy = await startFaultProxy({ port: host.port });
  const writer = sessionTo(host.url, issuer.token('writer'), { maxCallsInFlight: inFlight, maxCallsQueued: inFlight });
  await liveSession(writer);
  await writer.createStream(spec.stream_id, 'default', spec.fanout, { epoch: spec.epoch });
  await writer.grantStream(identityOf(issuer.url, 'reader'), spec.stream_id, 'reader');
  let next = 1;
  const append = async (count: number) => {
    await appendEvents(writer, spec, next, count);
    next += count;
  };
  await append(spec.events);
  return {
    address: {
      counted: `http://127.0.0.1:${proxy.port}`,
      url: host.url,
      token: issuer.token('reader'),
      writerToken: issuer.token('writer'),
    },
    append,
    counts: () => {
      const { bytes_to_server, bytes_to_client } = proxy.counters();
      return { to_server: bytes_to_server, to_client: bytes_to_client };
    },
    close: async () => {
      await writer.close();
      await proxy.close();
      await host.close();
    },
  };
}

async function appendEvents(session: Session, spec: HostSpec, first: number, count: number): Promise<void> {
  const filler = 'x'.repeat(spec.text);
  const waiting: Promise<unknown>[] = [];
  for (let n = first; n < first + count; n += 1) {
    const payload = { item: { id: `item_${n}`, text: filler, type: 'agentMessage' } };
    const key = `run-42:${`${n}`.padStart(12, '0')}`;
    const { stream_id } = spec;
    waiting.push(
      session.appendSyncEvent(
        draftEvent({ stream_id, kind: 'item/completed', payload, idempotency_key: key }),
        undefined,
        { deadlineMs },
      ),
    );
    // Answers come in the order of the calls.
    if (waiting.length >= inFlight) await waiting.shift();
  }
  await Promise.all(waiting);
}
