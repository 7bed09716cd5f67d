import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, Host, readerScope } from './support/host.ts';

const stream = 'runtime.run.1';
let host: Host;
let admin: Client;
let reader: Client;

beforeEach(async () => {
  host = await Host.open();
  admin = host.client('admin');
  reader = host.client('reader', readerScope);
  for (let index = 1; index <= 4; index += 1) admin.append(stream, `k${index}`);
  admin.grant(reader, stream);
});

describe('M8 revocation', () => {
  test('between two pages ends the reading and the live rows in its own transaction', async () => {
    const other = host.client('other', readerScope);
    admin.grant(other, stream);
    await other.open(stream);
    const page = await reader.open(stream, '', 0n, 2);
    expect(page.more).toBe(true);
    expect(admin.call('revoke_stream', { identity: reader.id, stream_id: stream })).toBe('done');
    expect(await reader.page(stream, page.epoch, 2n)).toMatchObject({
      status: 'denied',
      rows: [],
      head: 0n,
      epoch: '',
    });
    admin.append(stream, 'k5');
    expect(reader.inbox()).toEqual([]);
    expect(other.inbox()).toMatchObject([{ seq: 5n }]);
    expect(host.events('stream_notice')).toMatchObject([{ notice: 'revoked', detail: 'revoked', stream_id: stream }]);
    expect(host.events('stream_notice', reader)).toHaveLength(1);
    expect(host.rows('stream_watch')).toHaveLength(1);
  });

  test('twice is once, and a new grant does not bring the watch back', async () => {
    await reader.open(stream);
    for (let round = 0; round < 2; round += 1) {
      expect(admin.call('revoke_stream', { identity: reader.id, stream_id: stream })).toBe('done');
    }
    expect(host.events('stream_notice', reader)).toHaveLength(1);
    admin.grant(reader, stream);
    admin.append(stream, 'k5');
    expect(reader.inbox()).toEqual([]);
    expect((await reader.open(stream)).rows).toHaveLength(5);
  });

  test('ends the presence of who lost the grant', () => {
    const presence = { session_id: 's', stream_id: stream, status: 'on', detail: '{}', ttl_seconds: 60 };
    expect(reader.call('upsert_presence', presence)).toBe('done');
    admin.call('revoke_stream', { identity: reader.id, stream_id: stream });
    expect(host.rows('session_presence')).toEqual([]);
    expect(reader.call('upsert_presence', presence)).toBe('forbidden');
  });

  test('renewing drops a watch without a grant', async () => {
    await reader.open(stream);
    expect(reader.call('renew_watches', {})).toBe('done');
    expect(host.rows('stream_watch')).toHaveLength(1);
  });
});

describe('M1 views', () => {
  test('show a sender the grants it holds, and nobody else', () => {
    const other = host.client('other', readerScope);
    admin.grant(reader, 'runtime.run.2', 'writer');
    expect(
      host
        .view('my_streams', reader)
        .map(({ stream_id, role }) => [stream_id, role])
        .sort(),
    ).toEqual([
      [stream, 'reader'],
      ['runtime.run.2', 'writer'],
    ]);
    expect(host.view('my_streams', other)).toEqual([]);
    admin.call('revoke_stream', { identity: reader.id, stream_id: stream });
    expect(host.view('my_streams', reader)).toMatchObject([{ stream_id: 'runtime.run.2' }]);
  });

  test('no private table is public, and every public event table but the bell has one rule on its recipient', () => {
    const tables = [...host.db.definition.tables.values()].filter((table) => table.kind === 'table');
    const open = tables.filter((table) => table.isPublic);
    const names = ['append_receipt', 'bell', 'live_inbox', 'stream_notice', 'transient_signal'];
    expect(open.map((table) => table.name).sort()).toEqual(names);
    expect(open.every((table) => table.isEvent)).toBe(true);
    expect([...host.db.definition.rowLevelSecurity].sort()).toEqual(
      names.filter((name) => name !== 'bell').map((name) => `SELECT * FROM ${name} WHERE recipient = :sender`),
    );
  });
});
