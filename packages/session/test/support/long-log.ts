import { genesisChain } from '@autopilot/sync-contract';
import type { FakeConnection, FakeHost } from '@autopilot/testing/fake-host';
import { type ClientMessage, procedureReturned } from '@autopilot/testing/server-bytes';
import { Timestamp } from 'spacetimedb';
import { decode, encode } from '../../src/module/codec.ts';
import { pageCodecs } from '../../src/module/pages.ts';

const pageRows = 500;

/** A stream of the model that is far too long to be kept: its pages are made when they are asked for. */
export class LongLog {
  readonly id: string;
  readonly length: bigint;
  pages = 0;
  readonly #template: Uint8Array;
  /** Where the sequence of each row of the template is. */
  readonly #seqAt: number[] = [];
  readonly #host: FakeHost;

  constructor(host: FakeHost, id: string, length: number) {
    this.id = id;
    this.length = BigInt(length);
    this.#host = host;
    host.stream(id);
    host.intercept = (connection, message) => this.#answer(connection, message);
    this.#template = this.#encode(pageRows, 0n, true);
    const marker = new Uint8Array(8);
    for (let row = 1; row <= pageRows; row += 1) {
      new DataView(marker.buffer).setBigUint64(0, marked + BigInt(row), true);
      this.#seqAt.push(Buffer.from(this.#template).indexOf(marker));
    }
  }

  #answer(connection: FakeConnection, message: ClientMessage): boolean {
    if (message.type !== 'procedure' || message.name === 'read_heads') return false;
    const { stream_id, after, limit } = decode(pageCodecs.pageArgs, message.args);
    if (stream_id !== this.id) return false;
    this.pages += 1;
    connection.watches.add(this.id);
    const count = Math.min(limit, Number(this.length - after));
    connection.send(procedureReturned(message.request_id, this.#page(after, count)));
    return true;
  }

  #page(after: bigint, count: number): Uint8Array {
    const whole = count === pageRows && after + BigInt(count) < this.length;
    const bytes = whole ? this.#template.slice() : this.#encode(count, after, after + BigInt(count) < this.length);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (whole) for (const [row, at] of this.#seqAt.entries()) view.setBigUint64(at, after + BigInt(row + 1), true);
    return bytes;
  }

  #encode(count: number, after: bigint, more: boolean): Uint8Array {
    const chain = genesisChain(this.id);
    const first = more && after === 0n && count === pageRows ? marked : after;
    const row = (index: number) => ({
      seq: first + BigInt(index + 1),
      kind: 'tick',
      payload:
        '{"text":"what a stream carries, about a hundred characters of it, the same in every event of this log"}',
      payload_hash: `sha256:${'0'.repeat(64)}`,
      idempotency_key: 'the-same-in-every-event',
      committed_at: new Timestamp(1_800_000_000_000_000n),
    });
    return encode(pageCodecs.streamPage, {
      status: 'ok',
      epoch: this.#host.streams.get(this.id)?.epoch ?? '',
      head: this.length,
      head_chain: chain,
      first_kept: 1n,
      floor_chain: chain,
      fanout: 'inbox',
      route: '',
      rows: Array.from({ length: count }, (_, index) => row(index)),
      more,
    });
  }
}

/** Added to the sequences of the template, to find them in its bytes. */
const marked = 0x7a7a_7a7a_0000_0000n;
