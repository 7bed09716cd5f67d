// The gate: a cursor that cannot be served any more is told once, and a reader that goes to the floor is whole again.
import { draftEvent, extendChain, type SyncEvent } from '@autopilot/sync-contract';
import { recordGateFacts } from '@autopilot/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reducers } from '../../src/index.ts';
import { type Client, Embedded, until } from '../support/embedded.ts';
import { Harness, upTo } from '../support/harness.ts';
import { recordLaneFacts } from './facts.ts';

let world: Embedded;
let publisher: Client;
let streams = 0;

beforeAll(async () => {
  world = await Embedded.start();
  publisher = world.client('publisher');
  publisher.session.start();
});
afterAll(async () => {
  await world.close();
});

async function newStream(reader: Client): Promise<string> {
  streams += 1;
  const id = `runtime.gate.${streams}`;
  await publisher.session.createStream(id, 'test', 'inbox');
  await publisher.session.grantStream(reader.identity, id, 'reader');
  return id;
}

const append = (stream_id: string, from: number, to: number) =>
  Promise.all(
    upTo(to, from).map((n) =>
      publisher.session.appendSyncEvent(
        draftEvent({ stream_id, kind: 'tick', payload: { n }, idempotency_key: `key-${n}` }),
      ),
    ),
  );

async function keepFrom(stream: string, seq: bigint): Promise<void> {
  const { reducer, args } = reducers.applyRetention(stream, seq);
  await publisher.session.call(reducer, args);
}

const stales = (client: Client) => client.signals.filter((signal) => signal.type === 'stale');
const seqs = (events: readonly SyncEvent[]) => events.map(({ seq }) => Number(seq));
const chainFrom = (start: string, events: readonly SyncEvent[]) =>
  events.reduce((chain, event) => extendChain(chain, event), start);
const headChain = (client: Client, head: bigint) => {
  const signal = client.signals.findLast((one) => one.type === 'head' && one.head === head);
  return signal?.type === 'head' ? signal.head_chain : undefined;
};

/** Goes to the floor as an owner does, and checks that floor and events make the chain of the host. */
async function recoverAtFloor(reader: Client, stream: string, first: number, last: number): Promise<void> {
  await until(() => stales(reader).length === 1);
  const [stale] = stales(reader);
  if (stale?.type !== 'stale') throw new Error('unreachable');
  const before = reader.events(stream).length;
  reader.session.rewind(stream, stale.floor);
  await until(() => reader.events(stream).length - before >= last - first + 1 && reader.session.state === 'live');
  const after = reader.events(stream).slice(before);
  expect(seqs(after)).toEqual(upTo(last, first));
  await until(() => headChain(reader, BigInt(last)) !== undefined);
  expect(chainFrom(stale.floor_chain, after)).toBe(headChain(reader, BigInt(last)));
  expect(stales(reader)).toHaveLength(1);
}

test('a reader from the beginning, below the floor', async () => {
  const reader = world.client('gate-1', { pageSize: 50, headPollMs: 50 });
  const stream = await newStream(reader);
  await append(stream, 1, 300);
  await keepFrom(stream, 101n);
  reader.session.follow(stream, null);
  reader.session.start();
  await recoverAtFloor(reader, stream, 101, 300);
  expect(stales(reader)).toMatchObject([{ reason: 'retention_floor_breach', floor: { seq: 100n }, head: 300n }]);
  await recordLaneFacts(world, reader, 300);
  await reader.session.close();
});

test('a reader that comes back after a restart, when its place is gone', async () => {
  const before = world.client('gate-2', { headPollMs: 50 });
  const stream = await newStream(before);
  before.session.follow(stream, null);
  before.session.start();
  await append(stream, 1, 50);
  await until(() => before.events(stream).length === 50);
  const last = before.events(stream).at(-1);
  await before.session.close();
  await append(stream, 51, 200);
  await keepFrom(stream, 121n);
  // A new process: nothing but the position is left.
  const reader = world.client('gate-2', { headPollMs: 50, pageSize: 20 });
  reader.session.follow(stream, { epoch: last?.epoch ?? '', seq: 50n });
  reader.session.start();
  await recoverAtFloor(reader, stream, 121, 200);
  await append(stream, 201, 230);
  await until(() => reader.events(stream).length === 110);
  expect(seqs(reader.events(stream))).toEqual(upTo(230, 121));
  await recordLaneFacts(world, reader, 230);
  await reader.session.close();
});

test('a reader whose connections are cut while it recovers', async () => {
  const reader = world.client('gate-3', { pageSize: 10, headPollMs: 50 });
  const stream = await newStream(reader);
  await append(stream, 1, 300);
  await keepFrom(stream, 31n);
  reader.session.follow(stream, null);
  reader.session.start();
  await until(() => stales(reader).length === 1);
  world.host.faults.dropConnections();
  const [stale] = stales(reader);
  if (stale?.type !== 'stale') throw new Error('unreachable');
  reader.session.rewind(stream, stale.floor);
  for (let goal = 20; goal <= 240; goal += 40) {
    await until(() => reader.events(stream).length >= goal);
    world.host.faults.dropConnections();
  }
  await until(() => reader.events(stream).length >= 270 && reader.session.state === 'live');
  expect(seqs(reader.events(stream))).toEqual(upTo(300, 31));
  expect(reader.session.status().counters.attempts).toBeGreaterThan(2);
  await until(() => headChain(reader, 300n) !== undefined);
  expect(chainFrom(stale.floor_chain, reader.events(stream))).toBe(headChain(reader, 300n));
  await recordLaneFacts(world, reader, 300);
  await reader.session.close();
});

test('a stream that was rebuilt in another epoch', async () => {
  const reader = world.client('gate-4', { headPollMs: 50 });
  const stream = await newStream(reader);
  await append(stream, 1, 40);
  reader.session.follow(stream, null);
  reader.session.start();
  await until(() => reader.events(stream).length === 40);
  const position = { epoch: reader.events(stream).at(-1)?.epoch ?? '', seq: 40n };
  const { reducer, args } = reducers.retireStream(stream);
  await publisher.session.call(reducer, args);
  await until(() => reader.signals.some((signal) => signal.type === 'stream-closed'));
  await append(stream, 41, 100);
  reader.session.follow(stream, position);
  await recoverAtFloor(reader, stream, 1, 60);
  expect(stales(reader)).toMatchObject([{ reason: 'epoch_changed', floor: { seq: 0n } }]);
  expect(reader.events(stream).at(-1)?.epoch).not.toBe(position.epoch);
  await recordLaneFacts(world, reader, 100);
  await reader.session.close();
});

test('an owner who does not answer: the host is not asked again and again, and other streams go on', async () => {
  const h = new Harness();
  const stream = h.host.stream('s');
  h.host.stream('other');
  h.host.append('s', 500);
  stream.first_kept = 401n;
  h.session.follow('s', { epoch: 'epoch-1', seq: 3n });
  h.session.follow('other', null);
  h.session.start();
  await h.sim.until(() => h.of('stale').length === 1);
  const asked = () =>
    h.host.log.filter((line) => line.includes('_stream s ') || line.startsWith('read_page s ')).length;
  const before = asked();
  // The floor goes on rising, as under load.
  for (let minute = 0; minute < 10; minute += 1) {
    h.host.append('other', 20);
    stream.first_kept += 5n;
    await h.sim.advance(60_000);
  }
  expect(h.of('stale')).toHaveLength(1);
  expect(asked() - before).toBeLessThanOrEqual(1);
  expect(h.seqs('other')).toEqual(upTo(200));
  // Now below the floor once more: told once more, with the floor of now.
  const [stale] = h.of('stale');
  if (stale !== undefined) h.session.rewind('s', stale.floor);
  await h.sim.until(() => h.of('stale').length === 2);
  expect(h.of('stale')[1]).toMatchObject({ reason: 'retention_floor_breach', floor: { seq: 450n } });
  const second = h.of('stale')[1];
  if (second !== undefined) h.session.rewind('s', second.floor);
  await h.live();
  expect(h.seqs('s')).toEqual(upTo(500, 451));
  await h.close();
  recordGateFacts({ events: 700 });
});
