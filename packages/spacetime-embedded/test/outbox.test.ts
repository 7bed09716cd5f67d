import { beforeEach, expect, test } from '@jest/globals';
import { identityOf } from '../src/auth/identity.ts';
import { ServedDatabase } from '../src/served-database.ts';
import type { ConnectedClient } from '../src/ws/connected-client.ts';
import { Outbox } from '../src/ws/outbox.ts';
import { inboxModule } from './support/inbox-module.ts';
import { MemoryDatabase } from './support/memory-database.ts';

let engine: MemoryDatabase;
let served: ServedDatabase;

beforeEach(() => {
  engine = new MemoryDatabase(identityOf('test', 'owner'), inboxModule);
  engine.holdDurability = true;
  served = new ServedDatabase(engine);
});

/** A client of a reader of confirmed data, without a socket. */
class Reader implements ConnectedClient {
  readonly connectionId = '';
  readonly sent: string[] = [];
  wakes = 0;
  readonly outbox = new Outbox({
    protocol: 'v3.bsatn.spacetimedb',
    longest: 10,
    confirmed: true,
    durableOffset: () => engine.durableOffset,
    untilDurable: () => served.waiting.add(this),
    transmit: (body, sent) => {
      this.sent.push(Buffer.from(body).toString());
      sent();
    },
    overflow: () => undefined,
  });

  constructor() {
    served.clients.add(this);
  }

  wake(): void {
    this.wakes += 1;
    this.outbox.wake();
  }

  stall(): void {}
  close(): void {}
  drop(): void {}
}

const commit = (id: number) => engine.transact((tx) => tx.insert('player', id, 'red', 0n));
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('W8 a sync wakes those alone whose messages wait for it', async () => {
  const [busy, idle] = [new Reader(), new Reader()];
  commit(1);
  busy.outbox.push(Buffer.from('one'), 1n);
  await turn();
  expect(busy.sent).toEqual([]);
  engine.sync();
  await turn();
  expect([busy.sent, busy.wakes, idle.wakes]).toEqual([['one'], 1, 0]);
  commit(2);
  engine.sync();
  await turn();
  expect([busy.wakes, idle.wakes]).toEqual([1, 0]);
});

test('W8 a message that waits for a later commit is woken until that one is on disk', async () => {
  const reader = new Reader();
  commit(1);
  reader.outbox.push(Buffer.from('two'), 2n);
  await turn();
  engine.sync();
  await turn();
  expect([reader.sent, reader.wakes]).toEqual([[], 1]);
  commit(2);
  engine.sync();
  await turn();
  expect([reader.sent, reader.wakes]).toEqual([['two'], 2]);
});

/** An outbox whose bodies leave when the test lets them. */
function sender(protocol: 'v2.bsatn.spacetimedb' | 'v3.bsatn.spacetimedb', longest = 100_000) {
  const bodies: number[] = [];
  const leaving: (() => void)[] = [];
  let overflows = 0;
  const outbox = new Outbox({
    protocol,
    longest,
    confirmed: false,
    durableOffset: () => 0n,
    untilDurable: () => undefined,
    transmit: (body, sent) => {
      bodies.push(body.length);
      leaving.push(sent);
    },
    overflow: () => {
      overflows += 1;
    },
  });
  const push = (count: number, bytes: number) => {
    const message = new Uint8Array(bytes);
    for (let index = 0; index < count; index += 1) outbox.push(message, undefined);
  };
  return { outbox, bodies, leaving, push, overflows: () => overflows };
}

test('W6 v3 joins up to 4096 messages, and up to 512 KiB; a longer message goes by itself', async () => {
  const many = sender('v3.bsatn.spacetimedb');
  many.push(5000, 1);
  await turn();
  expect(many.bodies).toEqual([4096, 904]);
  const long = sender('v3.bsatn.spacetimedb');
  long.push(3, 200 * 1024);
  long.push(1, 600 * 1024);
  await turn();
  expect(long.bodies).toEqual([400 * 1024, 200 * 1024, 600 * 1024]);
});

test('W6 v2 joins nothing', async () => {
  const { push, bodies } = sender('v2.bsatn.spacetimedb');
  push(3, 10);
  await turn();
  expect(bodies).toEqual([10, 10, 10]);
});

test('W10 what waits behind a megabyte that has not left is counted, message by message', async () => {
  const { outbox, push, bodies, leaving, overflows } = sender('v3.bsatn.spacetimedb', 5);
  push(3, 500 * 1024);
  await turn();
  expect(bodies).toEqual([500 * 1024, 500 * 1024, 500 * 1024]);
  push(5, 1);
  await turn();
  expect([bodies.length, outbox.length, overflows()]).toEqual([3, 5, 0]);
  leaving[0]?.();
  await turn();
  // Half a megabyte less is on its way: what waited goes.
  expect([bodies.at(-1), outbox.length]).toEqual([5, 0]);
  push(1, 600 * 1024);
  await turn();
  push(5, 1);
  await turn();
  expect([outbox.length, overflows()]).toEqual([5, 0]);
  push(1, 1);
  expect(overflows()).toBe(1);
});
