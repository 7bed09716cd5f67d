import { describe, expect, test } from '@jest/globals';
import { SessionError, type SessionOptions } from '../src/index.ts';
import { Harness } from './support/harness.ts';

describe('options', () => {
  test.each<[string, Partial<SessionOptions>]>([
    ['pageSize', { pageSize: 0 }],
    ['pageSize', { pageSize: 501 }],
    ['headPollMs', { headPollMs: Number.NaN }],
    ['watchdogMs', { watchdogMs: -1 }],
    ['liveBuffer', { liveBuffer: 1.5 }],
    ['clientId', { clientId: '' }],
    ['backoff', { backoff: { floorMs: 0 } }],
    ['backoff', { backoff: { floorMs: 500, capMs: 100 } }],
    ['backoff', { backoff: { baseMs: Number.NaN } }],
    ['compression', { compression: 'zip' as unknown as 'gzip' }],
    ['readMode', { readMode: 'maybe' as unknown as 'confirmed' }],
  ])('a wrong %s is named: %j', (option, wrong) => {
    let caught: unknown;
    try {
      new Harness(wrong);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(SessionError);
    expect(caught).toMatchObject({ code: 'invalid_options', details: { option } });
  });

  test('unconfirmed reads are asked for explicitly', async () => {
    const h = new Harness({ readMode: 'unconfirmed' });
    h.session.start();
    await h.live();
    expect(h.host.upgrades[0]?.url).toContain('confirmed=false');
    expect(h.session.status().read_mode).toBe('unconfirmed');
    await h.close();
  });

  test('the token is in a header and nowhere else', async () => {
    const h = new Harness();
    h.host.refuse = () => ({ status: 503 });
    h.session.start();
    await h.state('backoff');
    const { headers, ...rest } = h.host.upgrades[0] ?? { headers: {} };
    expect(headers).toEqual({ authorization: 'Bearer token-1' });
    const said = JSON.stringify([rest, h.signals, h.session.status()], (_key, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    expect(said).not.toContain('token-1');
    await h.close();
  });
});
