import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';

describe('following a stream', () => {
  test('goes through the states to live and hands over the backlog, then live events', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.host.append('s', 7);
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    expect(h.path).toEqual([
      'authenticating:started',
      'connecting:token_ready',
      'subscribing:initial_connection',
      'replaying:subscribed',
      'live:caught_up',
    ]);
    h.host.append('s', 5);
    await h.received('s', 12);
    expect(h.seqs('s')).toEqual(upTo(12));
    const batches = h.of('batch').map(({ source, events, head }) => [source, events.length, Number(head)]);
    expect(batches).toEqual([['replay', 7, 7], ...upTo(12, 8).map((seq) => ['live', 1, seq])]);
    expect(h.host.upgrades[0]).toMatchObject({
      url: 'ws://host.test:3000/v1/database/sync/subscribe?compression=None&confirmed=true',
      protocols: ['v3.bsatn.spacetimedb', 'v2.bsatn.spacetimedb'],
      headers: { authorization: 'Bearer token-1' },
    });
    await h.close();
  });
});
