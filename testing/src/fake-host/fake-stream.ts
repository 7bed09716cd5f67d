import { canonicalPayloadHash, extendChain, genesisChain } from '@autopilot/sync-contract';
import { Timestamp } from 'spacetimedb';
import { encode } from '../../../packages/session/src/module/codec.ts';
import { type PageRequest, pageCodecs } from '../../../packages/session/src/module/pages.ts';
import { publicRowCodecs, segmentLength } from '../../../packages/session/src/module/public-rows.ts';
import type { Fanout } from '../../../packages/session/src/module/reducers.ts';

/** One event of the host's log, with the chain at it. */
export interface FakeEvent {
  seq: bigint;
  kind: string;
  payload: string;
  payload_hash: string;
  idempotency_key: string;
  chain: string;
  /** False: a live row of it comes without its payload. */
  inline: boolean;
}

/** One life of a stream: its whole log, also what retention has removed. */
export interface FakeStream {
  id: string;
  epoch: string;
  events: FakeEvent[];
  first_kept: bigint;
  fanout: Fanout;
  route: string;
}

/** When every event of the model was committed. */
export const committedAt = new Timestamp(1_800_000_000_000_000n);

/** The host's chain after a sequence. */
export function chainAt(stream: FakeStream, seq: bigint): string {
  return stream.events[Number(seq) - 1]?.chain ?? genesisChain(stream.id);
}

/** Adds an event to the log; tells nobody. */
export function appendTo(stream: FakeStream, kind: string, payload: string, key: string, inline: boolean): FakeEvent {
  const seq = BigInt(stream.events.length + 1);
  const payload_hash = canonicalPayloadHash(payload);
  const chain = extendChain(chainAt(stream, seq - 1n), { seq, kind, idempotency_key: key, payload_hash });
  const event = { seq, kind, payload, payload_hash, idempotency_key: key, chain, inline };
  stream.events.push(event);
  return event;
}

/** The segment of a public stream that a sequence falls into. */
export function segmentKey(stream: FakeStream, seq: bigint): string {
  return `${stream.route}:${(seq - 1n) / segmentLength}`;
}

/** A row of the public table. */
export function publicRow(stream: FakeStream, { chain, inline, payload, ...event }: FakeEvent): Uint8Array {
  return encode(publicRowCodecs.publicEvent, {
    segment_key: segmentKey(stream, event.seq),
    stream_id: stream.id,
    epoch: stream.epoch,
    ...event,
    payload: inline ? payload : '',
    inline,
    committed_at: committedAt,
    chain,
  });
}

/** A page with a status and nothing of the stream. */
export function emptyPage(status: string): Uint8Array {
  const nothing = { epoch: '', head: 0n, head_chain: '', first_kept: 0n, floor_chain: '', fanout: '', route: '' };
  return encode(pageCodecs.streamPage, { ...nothing, status, rows: [], more: false });
}

/** What open_stream and read_page answer of a stream that may be read. */
export function pageOf(stream: FakeStream, request: PageRequest, mostRows: number): Uint8Array {
  const head = BigInt(stream.events.length);
  const base = {
    epoch: stream.epoch,
    head,
    head_chain: chainAt(stream, head),
    first_kept: stream.first_kept,
    floor_chain: chainAt(stream, stream.first_kept - 1n),
    fanout: stream.fanout,
    route: stream.fanout === 'inbox' ? '' : stream.route,
  };
  const without = (status: string) => encode(pageCodecs.streamPage, { ...base, status, rows: [], more: false });
  if (request.epoch !== '' && request.epoch !== stream.epoch) return without('epoch_changed');
  if (request.epoch !== '' && request.after + 1n < stream.first_kept) return without('retention_floor_breach');
  const after = request.epoch === '' ? stream.first_kept - 1n : request.after;
  const limit = Math.min(request.limit, mostRows);
  const rows = stream.events
    .slice(Number(after), Number(after) + limit)
    .map(({ inline, chain, ...row }) => ({ ...row, committed_at: committedAt }));
  const more = after + BigInt(rows.length) < head;
  return encode(pageCodecs.streamPage, { ...base, status: 'ok', rows, more });
}
