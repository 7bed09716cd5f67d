import { genesisChain } from '@autopilot/sync-contract';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host, hex, type Page, readerScope } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;
let reader: Client;

describe('the floor and the end of a stream', () => {
  let chains: unknown[];

  beforeEach(async () => {
    host = await Host.open();
    admin = host.client('admin');
    reader = host.client('reader', readerScope);
    for (let index = 1; index <= 6; index += 1) admin.append(stream, `k${index}`);
    admin.append('runtime.other', 'k1');
    admin.grant(reader, stream);
    const rows = host.rows('sync_event').filter((row) => row.stream_id === stream);
    chains = rows.sort((a, b) => Number((a.seq as bigint) - (b.seq as bigint))).map((row) => row.chain);
  });

  const keepFrom = (keep_from: bigint) => admin.call('apply_retention', { stream_id: stream, keep_from });

  describe('M9 retention', () => {
    test('moves the floor and its chain, and nothing of another stream', async () => {
      expect(keepFrom(4n)).toBe('done');
      expect(host.rows('sync_stream').find((row) => row.stream_id === stream)).toMatchObject({
        first_kept: 4n,
        floor_chain: chains[2],
        head: 6n,
        head_chain: chains[5],
      });
      expect(host.rows('sync_event')).toHaveLength(4);
      const page = await reader.page(stream);
      expect(page).toMatchObject({ status: 'ok', first_kept: 4n, floor_chain: chains[2] });
      expect(page.rows.map((row) => row.seq)).toEqual([4n, 5n, 6n]);
    });

    test('a cursor below the floor is told so, one at the floor reads on', async () => {
      const { epoch } = await reader.page(stream);
      keepFrom(4n);
      expect(await reader.page(stream, epoch, 2n)).toMatchObject({
        status: 'retention_floor_breach',
        rows: [],
        first_kept: 4n,
        floor_chain: chains[2],
        more: false,
      });
      expect((await reader.page(stream, epoch, 3n)).rows.map((row) => row.seq)).toEqual([4n, 5n, 6n]);
      // A reader that has to rewind is watching already, so nothing is lost meanwhile.
      const fresh = host.client('reader', readerScope);
      expect((await fresh.open(stream, epoch, 0n)).status).toBe('retention_floor_breach');
      admin.append(stream, 'k7');
      expect(fresh.inbox()).toMatchObject([{ seq: 7n }]);
    });

    test('goes to the sequence after the head and not beyond, and never back', async () => {
      expect(keepFrom(8n)).toBe('invalid_request');
      expect(keepFrom(7n)).toBe('done');
      expect(keepFrom(3n)).toBe('done');
      expect(await reader.page(stream)).toMatchObject({
        rows: [],
        first_kept: 7n,
        floor_chain: chains[5],
        more: false,
      });
      expect(admin.append(stream, 'k7')).toBe('done');
      expect((await reader.page(stream)).rows.map((row) => row.seq)).toEqual([7n]);
      expect(admin.call('apply_retention', { stream_id: 'runtime.none', keep_from: 1n })).toBe('unknown_stream');
    });
  });

  describe('M9 retirement', () => {
    test('ends the epoch: the next life has another one, and old positions are told', async () => {
      const before = await reader.open(stream);
      expect(admin.call('retire_stream', { stream_id: stream })).toBe('done');
      expect(host.events('stream_notice', reader)).toEqual([
        expect.objectContaining({ stream_id: stream, notice: 'retired', detail: before.epoch }),
      ]);
      expect((await reader.page(stream)).status).toBe('unknown_stream');
      expect(host.rows('sync_event')).toMatchObject([{ stream_id: 'runtime.other' }]);
      expect(host.rows('stream_watch')).toEqual([]);
      // The keys of the old life are free again.
      expect(admin.append(stream, 'k1')).toBe('done');
      const after = await reader.open(stream, before.epoch, 6n);
      expect(after).toMatchObject({ status: 'epoch_changed', head: 1n });
      expect(after.epoch).not.toBe(before.epoch);
      expect(admin.call('retire_stream', { stream_id: 'runtime.none' })).toBe('unknown_stream');
    });
  });
});

describe('how far a client is', () => {
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
});
