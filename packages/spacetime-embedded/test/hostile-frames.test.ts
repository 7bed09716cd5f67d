import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { expect, test } from '@jest/globals';
import { AlgebraicType, Identity } from 'spacetimedb';
import type { WebSocket } from 'ws';
import type { Claims } from '../src/auth/claims.ts';
import { identityOf } from '../src/auth/identity.ts';
import type { EngineDatabase } from '../src/engine/database.ts';
import { openDatabase } from '../src/engine/open-database.ts';
import { defaultLimits } from '../src/limits.ts';
import { ServedDatabase } from '../src/served-database.ts';
import { bsatn } from '../src/sql/scalar.ts';
import { ClientSocket } from '../src/ws/client-socket.ts';
import { bundleFixture } from './support/bundle.ts';
import { hostileFrame, seeded } from './support/hostile-frames.ts';
import { inboxModule } from './support/inbox-module.ts';
import { MemoryDatabase } from './support/memory-database.ts';

const secret = Buffer.from('of somebody else');
/** How many frames; with another number in the environment the test is a long one. */
const frames = Number(process.env.HOSTILE_FRAMES ?? 2000);
const seed = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** What a client socket does with a websocket, without a network. */
class FakeSocket extends EventEmitter {
  readonly sent: Uint8Array[] = [];
  ended: { readonly code: number; readonly reason: string } | undefined;

  send(data: Uint8Array, _options: unknown, sent?: () => void): void {
    this.sent.push(data);
    sent?.();
  }
  close(code: number, reason: string): void {
    this.ended ??= { code, reason };
    queueMicrotask(() => this.emit('close'));
  }
  terminate(): void {
    this.ended ??= { code: 1006, reason: '' };
    this.emit('close');
  }
  ping(): void {}
  pause(): void {}
  resume(): void {}
}

/** Sends hostile frames to an engine. `disturb` commits rows that the sender must not see. */
async function attack(engine: EngineDatabase, ports: ManualPorts, disturb: () => void, frames: number): Promise<void> {
  const next = seeded(seed);
  const database = new ServedDatabase(engine);
  const identity = identityOf('test', 'hostile');
  let connections = 0;
  const connect = () => {
    const socket = new FakeSocket();
    connections += 1;
    new ClientSocket({
      socket: socket as unknown as WebSocket,
      stream: new PassThrough(),
      database,
      ports,
      limits: defaultLimits,
      protocol: next(2) === 0 ? 'v3.bsatn.spacetimedb' : 'v2.bsatn.spacetimedb',
      compression: 'None',
      confirmed: false,
      claims: { identity, payload: '{}' } as Claims,
      token: 'token',
      connectionId: connections.toString(16).padStart(32, '0'),
    });
    return socket;
  };
  const codes = new Map<number, number>();
  let socket = connect();
  for (let count = 0; count < frames; count += 1) {
    const frame = Buffer.from(hostileFrame(next));
    socket.emit('message', frame, next(50) !== 0);
    ports.advance(0);
    if (count % 16 === 0) {
      disturb();
      await Promise.resolve();
    }
    if (socket.ended === undefined && count % 512 !== 511) continue;
    await Promise.resolve();
    expect(socket.sent.every((payload) => !Buffer.from(payload).includes(secret))).toBe(true);
    const { code, reason } = socket.ended ?? { code: 0, reason: '' };
    codes.set(code, (codes.get(code) ?? 0) + 1);
    expect(`${reason} ${frame.toString('hex')}`).not.toContain('cannot go on');
    if (socket.ended === undefined) socket.terminate();
    socket = connect();
  }
  expect([...codes.keys()].filter((code) => code !== 0 && code !== 1011)).toEqual([]);
  expect(codes.get(1011)).toBeGreaterThan(frames / 100);
  socket.terminate();
  expect([database.clients.size, database.subscriptions.planCount, ports.pending]).toEqual([0, 0, 0]);
}

const other = new Identity(BigInt(`0x${identityOf('test', 'other')}`));

test(`W15 ${frames} hostile frames (seed ${seed}): no crash, no row of others, and the close codes of W10`, async () => {
  const engine = new MemoryDatabase(identityOf('test', 'owner'), inboxModule);
  engine.transact((tx) => {
    tx.insert('note', other, secret.toString());
    tx.insert('secret', 5);
  });
  const disturb = () => engine.transact((tx) => tx.insert('live_inbox', other, secret.toString(), 1n));
  await attack(engine, manualPorts(), disturb, frames);
}, 1_200_000);

test(`W15 hostile frames to a module (seed ${seed})`, async () => {
  const ports = manualPorts();
  const [owner, databaseIdentity] = [identityOf('test', 'owner'), identityOf('test', 'database')];
  const module = await bundleFixture('inbox');
  const engine = await openDatabase({ module, owner, databaseIdentity, dataDir: undefined, ports });
  const call = (name: string, values: Record<string, unknown>) => {
    const params = engine.definition.reducers.get(name)?.params ?? { elements: [] };
    const args = bsatn(AlgebraicType.Product(params), values);
    const result = engine.callReducer(name, args, { identity: owner, connectionId: undefined });
    if (result.outcome !== 'committed') throw new Error(`${name}: ${JSON.stringify(result.outcome)}`);
  };
  call('write_note', { recipient: other, text: secret.toString() });
  call('hide', { id: 5 });
  let seq = 0n;
  const disturb = () => {
    seq += 1n;
    call('say', { recipient: other, stream_id: secret.toString(), seq });
  };
  await attack(engine, ports, disturb, frames / 3);
  await engine.close();
}, 1_200_000);
