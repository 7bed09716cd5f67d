import { SyncError } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { type Ack, createAckQueue } from '../../src/sync/ack-queue.ts';

const ack = (stream_id: string, seq: bigint): Ack => ({ stream_id, epoch: 'e1', seq, chain: 'c' });
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

describe('createAckQueue', () => {
  test('gathers for a second and sends only the newest place of each stream', async () => {
    const ports = manualPorts();
    const sent: Ack[] = [];
    const queue = createAckQueue(ports.scheduler, async (one) => void sent.push(one));
    for (let seq = 1n; seq <= 500n; seq += 1n) queue.note(ack('a', seq));
    queue.note(ack('b', 7n));
    expect(sent).toEqual([]);
    ports.advance(1000);
    await settle();
    expect(sent).toEqual([ack('a', 500n), ack('b', 7n)]);
    expect(ports.pending).toBe(0);
  });

  test('a failure is harmless: it is counted, and the newest place goes out later', async () => {
    const ports = manualPorts();
    const sent: Ack[] = [];
    let failing = true;
    const queue = createAckQueue(ports.scheduler, async (one) => {
      if (failing) throw new SyncError('unavailable', 'No connection.');
      sent.push(one);
    });
    queue.note(ack('a', 1n));
    ports.advance(1000);
    await settle();
    expect(queue.failures).toBe(1);
    failing = false;
    queue.note(ack('a', 2n));
    ports.advance(10_000);
    await settle();
    expect(sent).toEqual([ack('a', 2n)]);
  });

  test('what the host refuses for good is not sent again', async () => {
    const ports = manualPorts();
    let tries = 0;
    const queue = createAckQueue(ports.scheduler, async () => {
      tries += 1;
      throw new SyncError('forbidden', 'No grant.');
    });
    queue.note(ack('a', 1n));
    queue.note(ack('b', 1n));
    ports.advance(1000);
    await settle();
    ports.advance(600_000);
    await settle();
    expect(tries).toBe(2);
    expect(queue.failures).toBe(2);
  });

  test('after close nothing is sent and no timer is left', async () => {
    const ports = manualPorts();
    const sent: Ack[] = [];
    const queue = createAckQueue(ports.scheduler, async (one) => void sent.push(one));
    queue.note(ack('a', 1n));
    queue.close();
    queue.note(ack('a', 2n));
    ports.advance(60_000);
    await settle();
    expect(sent).toEqual([]);
    expect(ports.pending).toBe(0);
  });
});
