import { type PayloadHash, SyncError, type SyncEvent } from '@autopilot/sync-contract';
import { t } from 'spacetimedb';
import type { BsatnReader } from '../wire/bsatn-reader.ts';
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
export function decodePage(reader: BsatnReader, streamId: string, bytes: Uint8Array): StreamPage {
  reader.begin(bytes);
  const told = reader.readName();
  const epoch = reader.readName();
  const head = reader.readU64();
  const head_chain = reader.readString();
  const first_kept = reader.readU64();
  const floor_chain = reader.readString();
  const announced = reader.readName();
  const route = reader.readString();
  const events = readEvents(reader, streamId, epoch);
  const more = reader.readBool();
  reader.finish();
  reader.release();
  if (told === 'token_expired') throw new SyncError('token_expired', `No page of ${streamId}: the token is over.`);
  const status = pageStatuses.find((known) => known === told);
  if (status === undefined) throw new RangeError(`Unknown page status "${told}".`);
  const fanout = fanouts.find((known) => known === announced);
  if (fanout === undefined && status === 'ok') throw new RangeError(`Unknown fanout "${announced}".`);
  return { status, epoch, head, head_chain, first_kept, floor_chain, fanout, route, events, more };
}

/** Field by field and not by the codec above, which it must agree with: this is done for every event of a catch-up. */
function readEvents(reader: BsatnReader, stream_id: string, epoch: string): SyncEvent[] {
  const events: SyncEvent[] = [];
  for (let left = reader.readCount(); left > 0; left -= 1) {
    const seq = reader.readU64();
    const kind = reader.readName();
    const payload = reader.readString();
    const payload_hash = reader.readString() as PayloadHash;
    const idempotency_key = reader.readString();
    const committed_at = reader.readI64();
    events.push({ stream_id, epoch, seq, kind, payload, payload_hash, idempotency_key, committed_at });
  }
  return events;
}

/** What read_heads returns. */
export function decodeHeads(bytes: Uint8Array): StreamHead[] {
  return decode(streamHeads, bytes);
}
