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
