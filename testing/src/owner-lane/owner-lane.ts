import path from 'node:path';
import { buildBundle } from '../../../modules/autopilot-sync/bundle.mjs';
import { applyBatch, initialState, type StreamState } from '../../../packages/apply-engine/src/index.ts';
import { openCheckpointStore } from '../../../packages/checkpoint/src/index.ts';
import { createSession, nodeSocketFactory, type Session } from '../../../packages/session/src/index.ts';
import { identityOf, startEmbedded } from '../../../packages/spacetime-embedded/src/index.ts';
import { draftEvent, type StreamPosition, type SyncEvent } from '../../../packages/sync-contract/src/index.ts';
import { systemHttp, systemPorts as ports } from '../../../packages/sync-contract/src/system-ports.ts';
import { startIssuer } from '../cache-check/issuer.ts';
import { waitFor } from '../wait-for.ts';

/** What a lane came to. */
export interface LaneOutcome {
  /** Events that were published, and those that are stored. */
  readonly published: number;
  readonly stored: number;
  /** Events that came more than once, or with a gap before them. */
  readonly repeated: number;
  readonly gaps: number;
  /** Whether the chain of the store is that of the host at the same sequence, and that of the stored events. */
  readonly chainsAgree: boolean;
}

/** A real lane from end to end in this process: the module on the embedded host, a publisher, a reader and its store. */
export interface OwnerLane {
  /** Publishes one event; resolves with the milliseconds until it was stored at the reader. */
  publish(): Promise<number>;
  /** Reads the reader's store, as whoever mirrors it does. */
  readonly journal: {
    streams(): readonly string[];
    read(
      stream_id: string,
      after: StreamPosition | undefined,
      limit: number,
    ): { readonly epoch: string; readonly events: readonly SyncEvent[]; readonly more: boolean };
  };
  outcome(): Promise<LaneOutcome>;
  close(): Promise<void>;
}

const streamId = 'runtime.owner';
const database = 'sync';
const scope = 'sync.subscribe sync.append sync.admin sync.checkpoint.write';

/** @param folder The store of the reader lies in it. */
export async function startOwnerLane(folder: string): Promise<OwnerLane> {
  const issuer = await startIssuer();
  const host = await startEmbedded({ module: await buildBundle(), database, listen: '127.0.0.1:0', http: systemHttp });
  const sessions: Session[] = [];
  const connect = (token: string) => {
    const session = createSession({
      token: async () => ({ token, expires_at: ports.clock.now() + 86_400_000, uri: host.url, database }),
      ...{ ports, socket: nodeSocketFactory, http: systemHttp, clientId: 'owner-lane', readMode: 'confirmed' },
      headPollMs: 1_000,
    });
    sessions.push(session);
    session.start();
    return session;
  };
  const owner = connect(host.ownerToken ?? '');
  await owner.configure(issuer.url, issuer.audience);
  const publisher = connect(issuer.token('publisher', scope));
  await publisher.createStream(streamId, 'default', 'inbox');
  await publisher.grantStream(identityOf(issuer.url, 'reader'), streamId, 'reader');

  const storeScope = { environment: 'test', database, account: 'reader' };
  const store = await openCheckpointStore({
    file: path.join(folder, 'reader.sqlite'),
    scope: storeScope,
    synchronous: 'NORMAL',
    ...ports,
  });
  let state: StreamState = initialState(streamId);
  let [published, repeated, gaps] = [0, 0, 0];
  let head: { readonly head: bigint; readonly chain: string | undefined } | undefined;
  let stored: (() => void) | undefined;
  const reader = connect(issuer.token('reader', scope));
  reader.listen((signal) => {
    if (signal.type === 'head') head = { head: signal.head, chain: signal.head_chain };
    if (signal.type !== 'batch') return;
    const result = applyBatch(state, signal.events, {
      applied: { hashAt: (seq) => store.hashAt(streamId, state.epoch, seq) },
    });
    repeated += result.duplicates.length + result.stale.length + result.conflicts.length;
    if (result.gap !== undefined) gaps += 1;
    if (result.applied.length === 0) return;
    const { epoch, seq, chain } = result.next;
    store.commit([{ stream_id: streamId, epoch, expected_seq: state.seq, events: result.applied, seq, chain }]);
    state = result.next;
    stored?.();
  });
  reader.follow(streamId, null);

  const storedUpTo = async (seq: bigint) => {
    while (state.seq < seq) {
      await new Promise<void>((resolve) => {
        stored = resolve;
      });
    }
  };
  return {
    async publish() {
      const payload = { n: published, text: 'x'.repeat(200) };
      published += 1;
      const key = `key-${published}`;
      const began = ports.clock.monotonic();
      const draft = draftEvent({ stream_id: streamId, kind: 'tick', payload, idempotency_key: key });
      const { seq } = await publisher.appendSyncEvent(draft);
      await storedUpTo(seq);
      return ports.clock.monotonic() - began;
    },
    journal: {
      streams: () => store.streams().map(({ stream_id }) => stream_id),
      read: (stream_id, after, limit) => {
        const { epoch } = state;
        const from = after?.epoch === epoch ? after.seq : 0n;
        const events = store.events(stream_id, { after: from, limit });
        return { epoch, events, more: from + BigInt(events.length) < state.seq };
      },
    },
    async outcome() {
      // The host's own word of the last event.
      const look = () => (head?.head === state.seq ? head.chain : undefined);
      const chain = await waitFor(look, {
        timeoutMs: 60_000,
        describe: "the host's word of the last event",
        everyMs: 20,
      });
      const verified = store.verify(streamId);
      const chainsAgree =
        chain === state.chain && chain === store.load(streamId)?.chain && verified.outcome === 'consistent';
      return { published, stored: Number(state.seq), repeated, gaps, chainsAgree };
    },
    async close() {
      await Promise.all(sessions.map((session) => session.close()));
      await store.close();
      await host.close();
      await issuer.close();
    },
  };
}
