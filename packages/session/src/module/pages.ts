import { type PayloadHash, SyncError, type SyncEvent } from '@autopilot/sync-contract';
import { t } from 'spacetimedb';
import { decode, encode } from './codec.ts';
import { type Fanout, fanouts } from './reducers.ts';

const pageRow = t.object('PageRow', {
  seq: t.u64(),
  kind: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  committed_at: t.timestamp(),
});

const streamPage = t.object('StreamPage', {
  status: t.string(),
  epoch: t.string(),
  head: t.u64(),
  head_chain: t.string(),
  first_kept: t.u64(),
  floor_chain: t.string(),
  fanout: t.string(),
  route: t.string(),
  rows: t.array(pageRow),
  more: t.bool(),
});

const streamHead = t.object('StreamHead', {
  stream_id: t.string(),
  epoch: t.string(),
  head: t.u64(),
  head_chain: t.string(),
});

const streamHeads = t.array(streamHead);

const pageArgs = t.object('PageArgs', { stream_id: t.string(), epoch: t.string(), after: t.u64(), limit: t.u32() });

/** The codecs of the read procedures, for test servers. */
export const pageCodecs = { streamPage, streamHeads, pageArgs } as const;

/** The procedures that read. `open_stream` also registers the watch of this connection. */
export type PageProcedure = 'open_stream' | 'read_page';

/** What a page is asked for. `epoch` is empty when the reader has no position. */
export interface PageRequest {
  readonly stream_id: string;
  readonly epoch: string;
  readonly after: bigint;
  readonly limit: number;
}

/** How a read ended. */
export const pageStatuses = ['ok', 'denied', 'unknown_stream', 'epoch_changed', 'retention_floor_breach'] as const;

/** One way a read ended. */
export type PageStatus = (typeof pageStatuses)[number];

/** One page of a stream. */
export interface StreamPage {
  readonly status: PageStatus;
  readonly epoch: string;
  readonly head: bigint;
  readonly head_chain: string;
  readonly first_kept: bigint;
  readonly floor_chain: string;
  /** Undefined in a page that shows nothing of its stream. */
  readonly fanout: Fanout | undefined;
  /** Where new events are heard of, if not in the inbox. */
  readonly route: string;
  /** In rising sequence. */
  readonly events: readonly SyncEvent[];
  readonly more: boolean;
}

/** How long a stream is, as the host says. */
export interface StreamHead {
  readonly stream_id: string;
  readonly epoch: string;
  readonly head: bigint;
  readonly head_chain: string;
}

/** Arguments of open_stream and read_page. */
export function encodePageArgs(request: PageRequest): Uint8Array {
  return encode(pageArgs, { ...request });
}

/**
 * What open_stream and read_page return.
 *
 * @throws {SyncError} `token_expired` when the module says so.
 * @throws {RangeError} for bytes, a status or a fanout that the contract does not know.
 */
export function decodePage(streamId: string, bytes: Uint8Array): StreamPage {
  const page = decode(streamPage, bytes);
  if (page.status === 'token_expired')
    throw new SyncError('token_expired', `No page of ${streamId}: the token is over.`);
  const status = pageStatuses.find((known) => known === page.status);
  if (status === undefined) throw new RangeError(`Unknown page status "${page.status}".`);
  const fanout = fanouts.find((known) => known === page.fanout);
  if (fanout === undefined && status === 'ok') throw new RangeError(`Unknown fanout "${page.fanout}".`);
  return {
    status,
    epoch: page.epoch,
    head: page.head,
    head_chain: page.head_chain,
    first_kept: page.first_kept,
    floor_chain: page.floor_chain,
    fanout,
    route: page.route,
    more: page.more,
    events: page.rows.map((row) => ({
      stream_id: streamId,
      epoch: page.epoch,
      seq: row.seq,
      kind: row.kind,
      payload: row.payload,
      payload_hash: row.payload_hash as PayloadHash,
      idempotency_key: row.idempotency_key,
      committed_at: row.committed_at.microsSinceUnixEpoch,
    })),
  };
}

/** What read_heads returns. */
export function decodeHeads(bytes: Uint8Array): StreamHead[] {
  return decode(streamHeads, bytes);
}
