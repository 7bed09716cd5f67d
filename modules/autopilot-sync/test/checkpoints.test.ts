import { genesisChain } from '@autopilot/sync-contract';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host, hex, type Page, readerScope } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;
let reader: Client;
let page: Page;
let chains: string[];

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  reader = host.client('reader', readerScope);
  for (let index = 1; index <= 5; index += 1) admin.append(stream, `k${index}`);
  admin.grant(reader, stream);
  page = await reader.page(stream);
  const rows = host.rows('sync_event').sort((a, b) => Number((a.seq as bigint) - (b.seq as bigint)));
  chains = [genesisChain(stream), ...rows.map((row) => String(row.chain))];
});

const ack = (seq: bigint, fields: Record<string, unknown> = {}, client = reader) =>
  client.call('ack_checkpoint', {
    client_id: 'desktop',
    stream_id: stream,
    epoch: page.epoch,
    seq,
    chain: chains[Number(seq)] ?? '',
    ...fields,
  });
const stored = () => host.rows('sync_checkpoint').map(({ client_id, seq }) => [client_id, seq]);

describe('M10 checkpoints', () => {
  test('move forward only', () => {
    expect(ack(0n)).toBe('done');
    expect(ack(2n)).toBe('done');
    expect(ack(2n)).toBe('done');
    expect(ack(1n)).toBe('invalid_request');
    expect(ack(5n)).toBe('done');
    expect(stored()).toEqual([['desktop', 5n]]);
  });

  test("are the caller's own, one for each of its clients", () => {
    const other = host.client('other', readerScope);
    admin.grant(other, stream);
    ack(4n);
    expect(ack(1n, {}, other)).toBe('done');
    expect(ack(2n, { client_id: 'phone' })).toBe('done');
    const rows = host.rows('sync_checkpoint').map((row) => [hex(row.identity), row.client_id, row.seq]);
    expect(rows).toHaveLength(3);
    expect(rows).toEqual(
      expect.arrayContaining([
        [reader.identity, 'desktop', 4n],
        [other.identity, 'desktop', 1n],
        [reader.identity, 'phone', 2n],
      ]),
    );
  });

  test('of another epoch, beyond the head, or with another history are refused', () => {
    expect(ack(1n, { epoch: 'other' })).toBe('epoch_changed');
    expect(ack(6n)).toBe('invalid_request');
    expect(ack(3n, { chain: chains[2] })).toBe('invalid_request');
    expect(ack(5n, { chain: '' })).toBe('invalid_request');
    expect(ack(1n, { client_id: '' })).toBe('invalid_request');
    expect(stored()).toEqual([]);
  });

  test('at the floor are checked, below it they cannot be', () => {
    admin.call('apply_retention', { stream_id: stream, keep_from: 4n });
    expect(ack(3n, { chain: 'wrong' })).toBe('invalid_request');
    expect(ack(2n, { chain: 'unknown by now' })).toBe('done');
    expect(ack(3n)).toBe('done');
  });

  test('of clients unused for longest make room', () => {
    for (let index = 0; index < 33; index += 1) {
      host.ports.advance(1);
      expect(ack(1n, { client_id: `c${index}` })).toBe('done');
    }
    const clients = stored().map(([client]) => client);
    expect(clients).toHaveLength(32);
    expect(clients).not.toContain('c0');
    expect(clients).toContain('c32');
  });

  test('go with the epoch', () => {
    ack(5n);
    admin.call('retire_stream', { stream_id: stream });
    admin.append(stream, 'k1');
    expect(stored()).toEqual([]);
    expect(ack(1n)).toBe('epoch_changed');
  });
});
