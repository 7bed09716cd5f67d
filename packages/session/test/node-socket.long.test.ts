import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { nodeSocketFactory } from '../src/index.ts';
import { retryAfterMs } from '../src/retry-after.ts';
import { until } from './support/embedded.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

async function serve(upgrade: (request: IncomingMessage, stream: Duplex, head: Buffer) => void): Promise<string> {
  const server = createServer();
  servers.push(server);
  server.on('upgrade', upgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function connect(url: string) {
  const seen: unknown[] = [];
  const socket = nodeSocketFactory(
    { url, protocols: ['v3.bsatn.spacetimedb', 'v2.bsatn.spacetimedb'], headers: { authorization: 'Bearer secret' } },
    {
      opened: (protocol) => seen.push(['opened', protocol]),
      message: (data) => seen.push(['message', [...data]]),
      alive: () => seen.push(['alive']),
      refused: (status, body, retryAfterMs) => seen.push(['refused', status, body, retryAfterMs]),
      closed: (code, reason) => seen.push(['closed', code, reason]),
    },
  );
  return { seen, socket };
}

describe('nodeSocketFactory', () => {
  test('sends the bearer on the upgrade, agrees on a protocol, reports pings, carries bytes both ways', async () => {
    const wss = new WebSocketServer({ noServer: true, handleProtocols: () => 'v2.bsatn.spacetimedb' });
    let headers: IncomingMessage['headers'] = {};
    const url = await serve((request, stream, head) => {
      headers = request.headers;
      wss.handleUpgrade(request, stream, head, (socket) => {
        socket.ping();
        socket.on('message', (data: Buffer) => socket.send(Buffer.concat([data, data])));
      });
    });
    const { seen, socket } = connect(url);
    await until(() => seen.length === 2);
    socket.send(new Uint8Array([1, 2]));
    await until(() => seen.length === 3);
    socket.close(1000, 'done');
    await until(() => seen.length === 4);
    expect(seen).toEqual([
      ['opened', 'v2.bsatn.spacetimedb'],
      ['alive'],
      ['message', [1, 2, 1, 2]],
      ['closed', 1000, 'done'],
    ]);
    expect(headers).toMatchObject({
      authorization: 'Bearer secret',
      'sec-websocket-protocol': 'v3.bsatn.spacetimedb,v2.bsatn.spacetimedb',
    });
    expect(headers['sec-websocket-extensions']).toBeUndefined();
  });

  test('takes a message in more frames than 64 MiB of it have', async () => {
    const wss = new WebSocketServer({ noServer: true, handleProtocols: () => 'v2.bsatn.spacetimedb' });
    const frames = 20_000;
    const url = await serve((request, stream, head) => {
      wss.handleUpgrade(request, stream, head, (socket) => {
        stream.cork();
        for (let left = frames; left > 0; left -= 1) socket.send(Buffer.of(7), { fin: left === 1 });
        stream.uncork();
      });
    });
    const { seen, socket } = connect(url);
    await until(() => seen.length === 2);
    expect(seen[1]).toEqual(['message', Array.from({ length: frames }, () => 7)]);
    socket.close(1000, 'done');
    await until(() => seen.length === 3);
  });

  test('an answer other than 101 is a refusal with status, body and Retry-After, and nothing after it', async () => {
    const url = await serve((_request, stream) => {
      stream.end('HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 6\r\nconnection: close\r\n\r\nslowly');
    });
    const { seen } = connect(url);
    await until(() => seen.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([['refused', 429, 'slowly', 7000]]);
  });

  test('a redirect is a refusal: the token does not travel on', async () => {
    const url = await serve((_request, stream) => {
      stream.end('HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n');
    });
    const { seen } = connect(url);
    await until(() => seen.length === 1);
    expect(seen).toEqual([['refused', 302, '', undefined]]);
  });

  test('a host that is not there, or that hangs up, is a close with 1006', async () => {
    const nobody = connect('ws://127.0.0.1:1/');
    const url = await serve((_request, stream) => stream.destroy());
    const dropped = connect(url);
    await until(() => nobody.seen.length === 1 && dropped.seen.length === 1);
    expect(nobody.seen).toEqual([['closed', 1006, expect.stringContaining('ECONNREFUSED')]]);
    expect(dropped.seen).toEqual([['closed', 1006, expect.any(String)]]);
  });

  test('terminate ends it, also while it is being opened', async () => {
    const url = await serve(() => {});
    const { seen, socket } = connect(url);
    socket.terminate();
    await until(() => seen.length === 1);
    expect(seen).toEqual([['closed', 1006, expect.any(String)]]);
  });
});

describe('Retry-After', () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  test.each([
    ['7', undefined, 7000],
    ['0', undefined, undefined],
    ['-3', undefined, undefined],
    ['soon', date, undefined],
    [undefined, date, undefined],
    ['Wed, 21 Oct 2026 07:29:30 GMT', date, 90_000],
    ['Wed, 21 Oct 2026 07:20:00 GMT', date, undefined],
    ['Wed, 21 Oct 2026 07:29:30 GMT', undefined, undefined],
  ])('I5: %j beside the date %j asks to wait %j ms', (header, now, wait) => {
    expect(retryAfterMs(header, now)).toBe(wait);
  });
});
