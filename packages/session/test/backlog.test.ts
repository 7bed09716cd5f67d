import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';

describe('a backlog and a slow owner', () => {
  test('I24: an owner that says nothing gets the window and no more, and keeps all other streams', async () => {
    const h = new Harness({ applyWindow: 10, liveBuffer: 5 });
    h.host.stream('s');
    h.host.stream('t');
    h.host.append('s', 30);
    h.session.follow('s', null);
    h.session.follow('t', null);
    h.session.start();
    await h.received('s', 10);
    const since = h.sim.now;
    for (let n = 1; n <= 8; n += 1) {
      h.host.append('s', 1);
      h.host.append('t', 1);
      await h.sim.advance(100);
    }
    await h.sim.advance(600_000);
    expect(h.seqs('s')).toEqual(upTo(10));
    expect(h.seqs('t')).toEqual(upTo(8));
    expect(h.session.state).toBe('replaying');
    const status = h.session.status().streams.s;
    expect(status).toMatchObject({ phase: 'catching-up', unapplied: 10, head: 38n });
    expect(status?.waiting_rows).toBeLessThanOrEqual(5);
    expect(status?.held_since).toBeLessThanOrEqual(since);
    // Nothing is asked in vain, and the connection is not taken for a dead one. The token was replaced meanwhile.
    expect(h.session.status().counters).toMatchObject({ attempts: 1, stalled_reads: 0, refreshes: 1 });
    expect(h.session.status().counters.pages_read).toBeLessThan(8);
    // Half a window makes it go on.
    h.session.applied('s', { epoch: 'epoch-1', seq: 4n });
    await h.sim.advance(100);
    expect(h.seqs('s')).toEqual(upTo(10));
    h.session.applied('s', { epoch: 'epoch-1', seq: 5n });
    await h.received('s', 15);
    await h.sim.advance(100);
    expect(h.seqs('s')).toEqual(upTo(15));
    for (let seq = 15n; h.seqs('s').length < 38; seq += 5n) {
      h.session.applied('s', { epoch: 'epoch-1', seq });
      await h.sim.advance(10);
    }
    h.session.applied('s', { epoch: 'epoch-1', seq: 38n });
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(38));
    await h.close();
  });

  test('I24: what is said of another epoch, or of events that were not handed over, opens nothing', async () => {
    const h = new Harness({ applyWindow: 10 });
    h.host.stream('s');
    h.host.append('s', 40);
    h.session.applied('s', { epoch: 'epoch-1', seq: 5n });
    h.session.follow('s', null);
    h.session.applied('s', { epoch: 'epoch-1', seq: 5n });
    h.session.start();
    await h.received('s', 10);
    for (const seq of [0n, 5n, 10n]) h.session.applied('s', { epoch: 'epoch-0', seq });
    await h.sim.advance(100);
    expect(h.seqs('s')).toHaveLength(10);
    h.session.applied('s', { epoch: 'epoch-1', seq: 1000n });
    await h.sim.advance(100);
    expect(h.seqs('s')).toHaveLength(20);
    // Backwards is not a thing either.
    h.session.applied('s', { epoch: 'epoch-1', seq: 3n });
    expect(h.session.status().streams.s?.unapplied).toBe(10);
    await h.close();
  });

  test('I24: a rewind begins with an empty window', async () => {
    const h = new Harness({ applyWindow: 10 });
    h.host.stream('s');
    h.host.append('s', 40);
    h.session.follow('s', null);
    h.session.start();
    await h.received('s', 10);
    h.session.rewind('s', { epoch: 'epoch-1', seq: 20n });
    await h.received('s', 20);
    await h.sim.advance(100);
    expect(h.seqs('s')).toEqual([...upTo(10), ...upTo(30, 21)]);
    h.session.applied('s', { epoch: 'epoch-1', seq: 30n });
    await h.live();
    expect(h.seqs('s').slice(-10)).toEqual(upTo(40, 31));
    await h.close();
  });

  test('I24: cuts while the owner works lose and repeat nothing', async () => {
    const h = new Harness({ applyWindow: 16, pageSize: 5, seed: 3 });
    h.host.latency = () => Math.floor(h.sim.random() * 20);
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    for (let round = 0; round < 80; round += 1) {
      h.host.append('s', 4, h.sim.random() < 0.8);
      await h.sim.advance(Math.floor(h.sim.random() * 400));
      if (h.sim.random() < 0.3) for (const connection of h.host.open) connection.cut();
      const last = h.events('s').at(-1);
      if (last !== undefined && h.sim.random() < 0.6) h.session.applied('s', { epoch: 'epoch-1', seq: last.seq });
    }
    while (h.seqs('s').length < 320) {
      const last = h.events('s').at(-1);
      if (last !== undefined) h.session.applied('s', { epoch: 'epoch-1', seq: last.seq });
      await h.sim.advance(50);
    }
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(320));
    await h.close();
  });
});
