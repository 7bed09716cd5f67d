import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { systemHttp, systemPorts } from '../src/system-ports.ts';

describe('P1 the scheduler', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('runs once, not before its time', () => {
    const task = jest.fn();
    systemPorts.scheduler.after(100, task);
    jest.advanceTimersByTime(99);
    expect(task).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    jest.advanceTimersByTime(1_000);
    expect(task).toHaveBeenCalledTimes(1);
  });

  test('a delay beyond the longest timer of Node is waited in full, and can be taken back midway', () => {
    const days = 24 * 60 * 60 * 1_000;
    const task = jest.fn();
    const never = jest.fn();
    systemPorts.scheduler.after(60 * days, task);
    const cancel = systemPorts.scheduler.after(60 * days, never);
    jest.advanceTimersByTime(59 * days);
    expect(task).not.toHaveBeenCalled();
    cancel();
    cancel();
    jest.advanceTimersByTime(days);
    expect(task).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(60 * days);
    expect(never).not.toHaveBeenCalled();
  });
});

describe('P2 clock and chance', () => {
  test('the monotonic clock does not go back, and the wall clock is in milliseconds', () => {
    const first = systemPorts.clock.monotonic();
    expect(systemPorts.clock.monotonic()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(systemPorts.clock.now() - Date.now())).toBeLessThan(1_000);
  });

  test('chance is in its range and bytes have their length', () => {
    const samples = Array.from({ length: 200 }, () => systemPorts.random.next());
    expect(samples.every((sample) => sample >= 0 && sample < 1)).toBe(true);
    expect(new Set(samples).size).toBeGreaterThan(190);
    expect(systemPorts.random.bytes(32)).toHaveLength(32);
    expect(systemPorts.random.bytes(32)).not.toEqual(systemPorts.random.bytes(32));
  });
});

describe('P3 HTTP', () => {
  let server: Server;
  let base: string;
  beforeEach(async () => {
    server = createServer((request, response) => {
      if (request.url === '/moved') {
        response.writeHead(302, { location: '/secret' }).end();
        return;
      }
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        response.writeHead(201, { 'X-Seen': `${request.method} ${request.headers.authorization}` }).end(`got ${body}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('sends what it is given and reads the answer to its end', async () => {
    const headers = { authorization: 'Bearer t' };
    const answer = await systemHttp({ method: 'POST', url: `${base}/a`, headers, body: 'ä' });
    expect(answer).toMatchObject({ status: 201, body: 'got ä', headers: { 'x-seen': 'POST Bearer t' } });
  });

  test('does not follow redirects', async () => {
    expect((await systemHttp({ method: 'GET', url: `${base}/moved` })).status).toBe(302);
  });

  test('rejects when it is called off', async () => {
    const signal = AbortSignal.abort();
    await expect(systemHttp({ method: 'GET', url: base, signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
