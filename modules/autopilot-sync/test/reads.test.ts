import { extendChain, payloadHash } from '@autopilot/sync-contract';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Client, Host, type Page, readerScope } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;
let reader: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  reader = host.client('reader', readerScope);
  admin.grant(reader, stream);
});

const seqs = (page: Page) => page.rows.map((row) => Number(row.seq));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const fill = (count: number, from = 0) => {
  const outcomes = new Set(upTo(count).map((index) => admin.append(stream, `k${from + index}`)));
  expect([...outcomes]).toEqual(['done']);
};

describe('M5 pages', () => {
  test('an unknown stream is told to who has a grant on it', async () => {
    expect((await reader.open(stream)).status).toBe('unknown_stream');
    expect((await reader.open('runtime.other')).status).toBe('denied');
  });

  test('are sorted, bounded by the limit, and lead to the head', async () => {
    fill(9);
    const first = await reader.open(stream, '', 0n, 4);
    expect(seqs(first)).toEqual([1, 2, 3, 4]);
    expect(first).toMatchObject({ status: 'ok', head: 9n, first_kept: 1n, fanout: 'inbox', route: '', more: true });
    const second = await reader.page(stream, first.epoch, 4n, 4);
    expect(seqs(second)).toEqual([5, 6, 7, 8]);
    expect(second.more).toBe(true);
    const third = await reader.page(stream, first.epoch, 8n, 4);
    expect(seqs(third)).toEqual([9]);
    expect(third.more).toBe(false);
    expect(await reader.page(stream, first.epoch, 9n, 4)).toMatchObject({ status: 'ok', rows: [], more: false });
    expect(await reader.page(stream, first.epoch, 99n, 4)).toMatchObject({ status: 'ok', rows: [], more: false });
  });

  test('hold at least one and at most 500 rows', async () => {
    fill(510);
    expect(seqs(await reader.page(stream, '', 0n, 0))).toEqual([1]);
    const most = await reader.page(stream, '', 0n, 4_000_000_000);
    expect(seqs(most)).toEqual(upTo(500));
    expect(most.more).toBe(true);
  });

  test('end when their payloads reach a mebibyte', async () => {
    const big = 'x'.repeat(200 * 1024);
    for (let index = 1; index <= 8; index += 1) expect(admin.append(stream, `k${index}`, big)).toBe('done');
    const page = await reader.page(stream);
    expect(seqs(page)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(page.more).toBe(true);
    const rest = await reader.page(stream, page.epoch, 6n);
    expect(seqs(rest)).toEqual([7, 8]);
    expect(rest.more).toBe(false);
  });

  test('carry the chain of the head and the events that make it', async () => {
    fill(5);
    const page = await reader.page(stream);
    let chain = page.floor_chain;
    for (const { seq, payload, idempotency_key } of page.rows) {
      chain = extendChain(chain, {
        seq,
        kind: 'note',
        idempotency_key,
        payload_hash: payloadHash(JSON.parse(payload)),
      });
    }
    expect(chain).toBe(page.head_chain);
  });

  test('of another epoch show no rows', async () => {
    fill(3);
    const page = await reader.page(stream, '01890000-0000-7000-8000-000000000000', 1n);
    expect(page).toMatchObject({ status: 'epoch_changed', rows: [], head: 3n, more: false });
    expect(page.epoch).toBe(host.rows('sync_stream')[0]?.epoch);
  });
});

describe('M7 watching', () => {
  test('live rows start where the page ended', async () => {
    fill(2);
    const page = await reader.open(stream);
    fill(2, 2);
    expect(seqs(page)).toEqual([1, 2]);
    expect(reader.inbox()).toMatchObject([
      { seq: 3n, epoch: page.epoch, stream_id: stream, kind: 'note', payload: '{"key":"k3"}' },
      { seq: 4n, chain: host.rows('sync_stream')[0]?.head_chain },
    ]);
  });

  test('read_page does not watch, unwatch ends it, other streams go on', async () => {
    const other = 'runtime.run.2';
    fill(1);
    admin.append(other, 'k1');
    admin.grant(reader, other);
    await reader.page(stream);
    fill(1, 1);
    expect(reader.inbox()).toEqual([]);
    await reader.open(stream);
    await reader.open(other);
    expect(reader.call('unwatch', { stream_id: stream })).toBe('done');
    fill(1, 2);
    admin.append(other, 'k2');
    expect(reader.inbox()).toMatchObject([{ stream_id: other, seq: 2n }]);
  });

  test('one row per identity, however many connections and however often opened', async () => {
    const second = host.client('reader', readerScope);
    const third = host.client('third', readerScope);
    admin.grant(third, stream);
    fill(1);
    for (const client of [reader, reader, second, third]) await client.open(stream);
    expect(host.rows('stream_watch')).toHaveLength(3);
    fill(1, 1);
    expect(reader.inbox()).toHaveLength(1);
    expect(third.inbox()).toHaveLength(1);
    expect(host.events('live_inbox')).toHaveLength(2);
    reader.disconnect();
    fill(1, 2);
    expect(second.inbox()).toHaveLength(2);
    second.disconnect();
    fill(1, 3);
    expect(second.inbox()).toHaveLength(2);
    expect(third.inbox()).toHaveLength(3);
  });

  test('heads are those of the watched streams that may still be read', async () => {
    expect(await reader.procedure('read_heads', {})).toEqual([]);
    fill(3);
    const { epoch, head_chain } = await reader.open(stream);
    expect(await reader.procedure('read_heads', {})).toEqual([{ stream_id: stream, epoch, head: 3n, head_chain }]);
    const second = host.client('reader', readerScope);
    expect(await second.procedure('read_heads', {})).toEqual([]);
    admin.call('revoke_stream', { identity: reader.id, stream_id: stream });
    expect(await reader.procedure('read_heads', {})).toEqual([]);
  });

  test('a lease runs out unless it is renewed', async () => {
    fill(1);
    // Between two sweeps, so that the end of the lease comes before the sweep that sees it.
    host.ports.advance(3_000);
    await reader.open(stream);
    host.ports.advance(290_000);
    expect(reader.call('renew_watches', {})).toBe('done');
    host.ports.advance(290_000);
    fill(1, 1);
    expect(reader.inbox()).toHaveLength(1);
    // Past its end a watch hears nothing, even before a sweep has taken it away.
    host.ports.advance(10_001);
    expect(host.rows('stream_watch')).toHaveLength(1);
    fill(1, 2);
    expect(reader.inbox()).toHaveLength(1);
    host.ports.advance(10_000);
    expect(host.rows('stream_watch')).toEqual([]);
  });

  test('a lease ends with the token', async () => {
    fill(1);
    const short = host.client('reader', readerScope, { exp: host.ports.clock.now() / 1000 + 60 });
    await short.open(stream);
    host.ports.advance(59_000);
    fill(1, 1);
    expect(short.inbox()).toHaveLength(1);
    host.ports.advance(1_000);
    fill(1, 2);
    expect(short.inbox()).toHaveLength(1);
    expect(short.call('renew_watches', {})).toBe('token_expired');
  });

  test('a call without a connection reads a page and leaves no watch', async () => {
    fill(1);
    const page = await reader.withoutConnection().open(stream);
    // Without a connection there is no token to judge by.
    expect(page.status).toBe('denied');
    expect(host.rows('stream_watch')).toEqual([]);
  });

  test('the end of a connection takes its watches along', async () => {
    fill(1);
    await reader.open(stream);
    expect(host.rows('stream_watch')).toHaveLength(1);
    reader.disconnect();
    expect(host.rows('stream_watch')).toEqual([]);
  });
});

describe('M8 a doorbell', () => {
  const bell = 'runtime.bell';
  beforeEach(() => {
    admin.call('create_stream', { stream_id: bell, stream_class: 'run', fanout: 'doorbell', epoch: '' });
    admin.grant(reader, bell);
  });

  test('rings its route and shows nothing else', async () => {
    const page = await reader.open(bell);
    expect(page).toMatchObject({ status: 'ok', fanout: 'doorbell', rows: [] });
    expect(page.route).toMatch(/^[0-9a-f]{32}$/);
    admin.append(bell, 'a');
    expect(host.events('bell')).toEqual([{ route: page.route, seq: 1n }]);
    expect(host.events('live_inbox')).toEqual([]);
    expect(seqs(await reader.page(bell, page.epoch, 0n))).toEqual([1]);
  });

  test('gets another route when a reader loses the grant, and the old one rings once more', async () => {
    const other = host.client('other', readerScope);
    admin.grant(other, bell);
    const { route } = await reader.open(bell);
    admin.append(bell, 'a');
    expect(admin.call('revoke_stream', { identity: other.id, stream_id: bell })).toBe('done');
    const next = await reader.page(bell);
    expect(next.route).not.toBe(route);
    expect((await other.page(bell)).route).toBe('');
    admin.append(bell, 'b');
    expect(host.events('bell')).toEqual([
      { route, seq: 1n },
      { route, seq: 1n },
      { route: next.route, seq: 2n },
    ]);
  });
});

test('M6 appends racing with open_stream: every sequence exactly once', async () => {
  // An action is an append, an open from the position reached, or a page. Whatever their order, the pages and the live
  // rows after an open must make a dense log.
  const actions = fc.array(fc.constantFrom('append', 'open', 'page', 'reconnect'), { minLength: 1, maxLength: 30 });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(actions, fc.integer({ min: 1, max: 4 }), async (list, limit) => {
      round += 1;
      const id = `runtime.race.${round}`;
      let client = host.client('reader', readerScope);
      admin.append(id, 'k0');
      admin.grant(client, id);
      let epoch = '';
      let applied = 0n;
      let taken = 0;
      let watching = false;
      let count = 1n;
      const drain = () => {
        const rows = client.inbox().filter((row) => row.stream_id === id);
        for (const row of rows.slice(taken)) {
          if (row.seq === applied + 1n) applied += 1n;
        }
        taken = rows.length;
      };
      const readOn = async (first: 'open' | 'page') => {
        let page = await client[first](id, epoch, applied, limit);
        for (;;) {
          expect(page.status).toBe('ok');
          epoch = page.epoch;
          for (const row of page.rows) {
            expect(row.seq).toBe(applied + 1n);
            applied = row.seq;
          }
          if (!page.more) break;
          page = await client.page(id, epoch, applied, limit);
        }
        expect(applied).toBe(count);
      };
      for (const action of list) {
        if (action === 'append') {
          expect(admin.append(id, `k${count}`)).toBe('done');
          count += 1n;
          const wasLive = watching && applied === count - 1n;
          drain();
          if (wasLive) expect(applied).toBe(count);
        } else if (action === 'reconnect') {
          client.disconnect();
          client = host.client('reader', readerScope);
          watching = false;
        } else {
          await readOn(action);
          watching ||= action === 'open';
        }
      }
      await readOn('open');
    }),
    propertyRuns(40),
  );
});
