import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FaultProxy, startFaultProxy, waitFor } from '../src/index.ts';
import { resetSocket } from '../src/reset-socket.ts';

let echo: Server;
let proxy: FaultProxy;
const clients: Socket[] = [];
const others: FaultProxy[] = [];

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy({ port: (echo.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy();
  for (const each of [proxy, ...others.splice(0)]) await each.close();
  await new Promise<void>((resolve) => echo.close(() => resolve()));
});

interface Client {
  readonly socket: Socket;
  received(): Buffer;
  /** Undefined while open; 'reset' or 'closed' after. */
  end(): 'reset' | 'closed' | undefined;
}

function open(port: number): Client {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  clients.push(socket);
  const chunks: Buffer[] = [];
  let end: 'reset' | 'closed' | undefined;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {
    end = 'reset';
  });
  socket.on('close', () => {
    end ??= 'closed';
  });
  return { socket, received: () => Buffer.concat(chunks), end: () => end };
}

/** Bytes that differ by place, so that a lost, repeated or swapped chunk shows. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index + 4 <= length; index += 4) bytes.writeUInt32LE(index, index);
  return bytes;
}

async function roundTrip(client: Client, text: string): Promise<void> {
  client.socket.write(text);
  await waitFor(() => client.received().toString().endsWith(text), { describe: `the echo of ${text}` });
}

describe('fault proxy', () => {
  test('hands on a megabyte in both directions byte for byte, and counts it', async () => {
    const client = open(proxy.port);
    const bytes = pattern(1 << 20);
    client.socket.end(bytes);
    await waitFor(() => client.end(), { describe: 'the end' });
    expect(client.end()).toBe('closed');
    expect(client.received().equals(bytes)).toBe(true);
    const counted = { accepted: 1, cut: 0, open: 0, bytes_to_server: 1 << 20, bytes_to_client: 1 << 20 };
    await waitFor(() => proxy.counters().open === 0, { describe: 'no open connection' });
    expect(proxy.counters()).toMatchObject(counted);
  });

  test('cuts every open connection at once and serves the next', async () => {
    const two = [open(proxy.port), open(proxy.port)];
    for (const client of two) await roundTrip(client, 'ping');
    expect(proxy.cutAll()).toBe(2);
    for (const client of two) await waitFor(() => client.end() === 'reset', { describe: 'a reset' });
    await roundTrip(open(proxy.port), 'again');
    expect(proxy.counters()).toMatchObject({ accepted: 3, cut: 2, open: 1 });
  });

  test('refuses new connections and leaves the open one alone', async () => {
    const old = open(proxy.port);
    await roundTrip(old, 'ping');
    proxy.refuse(true);
    const refused = open(proxy.port);
    await waitFor(() => refused.end(), { describe: 'a refusal' });
    await roundTrip(old, 'still here');
    expect(proxy.counters()).toMatchObject({ accepted: 1, refused: 1, open: 1 });
    proxy.refuse(false);
    await roundTrip(open(proxy.port), 'back');
  });

  test('a pause keeps the connection open and loses nothing', async () => {
    const client = open(proxy.port);
    await roundTrip(client, 'before ');
    proxy.pause();
    client.socket.write('during ');
    // A second proxy in front of the same server is the proof that time enough has gone by.
    const other = await startFaultProxy({ port: (echo.address() as AddressInfo).port });
    others.push(other);
    await roundTrip(open(other.port), 'unhindered');
    expect(client.received().toString()).toBe('before ');
    expect(client.end()).toBeUndefined();
    proxy.resume();
    await waitFor(() => client.received().toString() === 'before during ', { describe: 'what was held back' });
  });

  test('a connection made during a pause is held too', async () => {
    proxy.pause();
    const client = open(proxy.port);
    client.socket.write('held');
    await waitFor(() => proxy.counters().open === 1, { describe: 'the connection' });
    expect(proxy.counters()).toMatchObject({ bytes_to_server: 0, bytes_to_client: 0 });
    proxy.resume();
    await waitFor(() => client.received().toString() === 'held', { describe: 'the echo' });
  });

  test('a delay holds back both directions and keeps the order', async () => {
    proxy.delay(30);
    const client = open(proxy.port);
    const started = performance.now();
    client.socket.write('a');
    client.socket.write('b');
    await waitFor(() => client.received().toString() === 'ab', { describe: 'the echo' });
    // Timers may fire up to a millisecond early.
    expect(performance.now() - started).toBeGreaterThanOrEqual(58);
  });

  test('cuts in the middle of a chunk after exactly n bytes, once', async () => {
    const client = open(proxy.port);
    proxy.cutAfter(1000);
    client.socket.write(pattern(5000));
    await waitFor(() => client.end() === 'reset', { describe: 'a reset' });
    const { bytes_to_server, bytes_to_client, cut } = proxy.counters();
    expect(bytes_to_server + bytes_to_client).toBe(1000);
    expect(cut).toBe(1);
    await roundTrip(open(proxy.port), 'the next is spared');
  });

  test.each([
    ['a socket whose own end is still on the way is closed', true, 'closed'],
    ['any other is reset', false, 'reset'],
  ])('%s', async (_what, ended, expected) => {
    let met: 'reset' | 'closed' | undefined;
    const server = createServer((socket) => {
      socket.on('error', () => {
        met = 'reset';
      });
      socket.on('close', () => {
        met ??= 'closed';
      });
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = open((server.address() as AddressInfo).port);
    await new Promise<void>((resolve) => client.socket.once('connect', resolve));
    if (ended) client.socket.end();
    resetSocket(client.socket);
    await waitFor(() => client.end() === 'closed', { describe: 'the end' });
    await waitFor(() => met === expected, { describe: `${expected} at the other side` });
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test('a stranded connection carries nothing ever again, not even its end, and the next is served', async () => {
    const stranded = open(proxy.port);
    await roundTrip(stranded, 'before');
    expect(proxy.strandAll()).toBe(1);
    expect(proxy.strandAll()).toBe(0);
    stranded.socket.end('lost');
    proxy.pause();
    proxy.resume();
    await roundTrip(open(proxy.port), 'the next');
    expect(stranded.received().toString()).toBe('before');
    expect(stranded.end()).toBeUndefined();
    expect(proxy.counters()).toMatchObject({ accepted: 2, cut: 0, open: 2 });
  });

  test('a byte rate makes a transfer take its time', async () => {
    proxy.rate(100_000);
    const client = open(proxy.port);
    const started = performance.now();
    client.socket.write(pattern(20_000));
    await waitFor(() => client.received().length === 20_000, { describe: '20 kB' });
    expect(performance.now() - started).toBeGreaterThanOrEqual(100);
    expect(client.received().equals(pattern(20_000))).toBe(true);
  });

  test('a server that is away looks like a reset, and another can take its place', async () => {
    const { port } = echo.address() as AddressInfo;
    proxy.retarget({ port: 1 });
    const lost = open(proxy.port);
    await waitFor(() => lost.end(), { describe: 'the loss' });
    proxy.retarget({ port });
    await roundTrip(open(proxy.port), 'found');
  });
});
