import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host, type Page, readerScope } from './support/host.ts';

const open = 'runtime.public';
const closed = 'runtime.closed';
let host: Host;
let admin: Client;
let reader: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  reader = host.client('reader', readerScope);
  for (const [stream_id, fanout] of [
    [open, 'public'],
    [closed, 'inbox'],
  ]) {
    admin.call('create_stream', { stream_id, stream_class: 'run', fanout, epoch: '' });
  }
});

const rows = () => host.rows('public_event').sort((a, b) => Number((a.seq as bigint) - (b.seq as bigint)));
const fill = (count: number, from = 1) => {
  for (let n = from; n < from + count; n += 1) expect(admin.append(open, `k${n}`)).toBe('done');
};

describe('M14 a public stream', () => {
  test('has its events in the public table as well, whole and in their segments', async () => {
    admin.grant(reader, open);
    fill(258);
    const page = (await reader.open(open, '', 0n, 500)) as Page;
    expect(page).toMatchObject({ fanout: 'public', route: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(rows().map(({ seq }) => seq)).toEqual(page.rows.map(({ seq }) => seq));
    expect(rows().map(({ segment_key }) => segment_key)).toEqual(
      page.rows.map(({ seq }) => `${page.route}:${seq <= 256n ? 0 : 1}`),
    );
    const stored = host.rows('sync_event').find(({ seq }) => seq === 258n);
    expect(rows().at(-1)).toEqual({ ...stored, segment_key: `${page.route}:1`, epoch: page.epoch, inline: true });
    // One row per event, however many read it, and nothing in any inbox.
    expect(host.events('live_inbox')).toEqual([]);
  });

  test('leaves out a payload that is too large to travel along', () => {
    admin.append(open, 'big', 'x'.repeat(2000));
    expect(rows()).toMatchObject([{ inline: false, payload: '' }]);
  });

  test('no other stream writes there, whatever is done with it', async () => {
    admin.call('create_stream', { stream_id: 'runtime.bell', stream_class: 'run', fanout: 'doorbell', epoch: '' });
    admin.grant(reader, closed);
    await reader.open(closed);
    for (const id of [closed, 'runtime.bell', 'runtime.made-by-append']) expect(admin.append(id, 'k1')).toBe('done');
    expect(rows()).toEqual([]);
    // Nor does a stream become public by being created again.
    const again = { stream_id: closed, stream_class: 'run', fanout: 'public', epoch: '' };
    expect(admin.call('create_stream', again)).toBe('invalid_request');
    admin.append(closed, 'k2');
    expect(rows()).toEqual([]);
  });

  test('only who administers makes one; pages of it take a grant like any other', async () => {
    const writer = host.client('writer', 'sync.append sync.subscribe');
    const mine = { stream_id: 'runtime.mine', stream_class: 'run', fanout: 'public', epoch: '' };
    expect(writer.call('create_stream', mine)).toBe('forbidden');
    fill(1);
    expect((await reader.page(open)).status).toBe('denied');
  });

  test('what is appended twice is there once', () => {
    expect(admin.append(open, 'a')).toBe('done');
    expect(admin.append(open, 'a')).toBe('done');
    expect(rows()).toHaveLength(1);
  });
});

describe('M9 the public table', () => {
  test.each([1n, 2n, 256n, 257n, 258n, 512n, 513n, 514n, 600n, 601n])(
    'keeps after retention exactly what the log keeps (from %d on)',
    (keep_from) => {
      fill(600);
      admin.append(closed, 'k');
      expect(admin.call('apply_retention', { stream_id: open, keep_from })).toBe('done');
      const kept = host.rows('sync_event').filter(({ stream_id }) => stream_id === open);
      expect(rows().map(({ seq }) => seq)).toEqual(kept.map(({ seq }) => seq as bigint).sort((a, b) => Number(a - b)));
      // And again from there.
      expect(admin.call('apply_retention', { stream_id: open, keep_from: 601n })).toBe('done');
      expect(rows()).toEqual([]);
      fill(1, 601);
      expect(rows()).toMatchObject([{ seq: 601n }]);
    },
  );

  test('forgets a stream that is retired, and gives its next life another route', async () => {
    admin.grant(reader, open);
    fill(300);
    admin.call('apply_retention', { stream_id: open, keep_from: 20n });
    const before = await reader.open(open);
    expect(admin.call('retire_stream', { stream_id: open })).toBe('done');
    expect(rows()).toEqual([]);
    admin.call('create_stream', { stream_id: open, stream_class: 'run', fanout: 'public', epoch: '' });
    fill(1);
    const after = await reader.page(open);
    expect(after.route).not.toBe(before.route);
    expect(rows()).toMatchObject([{ segment_key: `${after.route}:0`, epoch: after.epoch }]);
  });
});
