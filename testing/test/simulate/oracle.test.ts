import { describe, expect, test } from '@jest/globals';
import { FakeHost } from '../../src/fake-host/fake-host.ts';
import { Sim } from '../../src/fake-host/sim.ts';
import { ServerLog } from '../../src/simulate/server-log.ts';

describe('the log of the host', () => {
  test('keeps every life of a stream, with its chain and its floors', () => {
    const host = new FakeHost(new Sim(1));
    const log = new ServerLog();
    const first = host.stream('s', { epoch: 'one' });
    log.begin(first);
    host.append('s', 5);
    first.first_kept = 3n;
    log.floor(first);
    log.begin(host.stream('s', { epoch: 'two' }));
    host.append('s', 1);
    expect(log.chain('s', 'one', 5n)).toBe(first.events[4]?.chain);
    expect(log.chain('s', 'one', 6n)).toBeUndefined();
    expect(log.chain('s', 'two', 1n)).toBe(first.events[0]?.chain);
    expect([0n, 1n, 2n].map((seq) => log.wasFloor('s', 'one', seq))).toEqual([true, false, true]);
    expect(log.wasFloor('s', 'two', 2n)).toBe(false);
  });
});
