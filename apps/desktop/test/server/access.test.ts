import { describe, expect, test } from '@jest/globals';
import { createAccessGuard } from '../../src/server/access.ts';

const token = 'right-token';
const guard = createAccessGuard(token, '127.0.0.1', 4311);
const host = '127.0.0.1:4311';
const cookie = `${guard.cookieName}=${token}`;
const http = (headers: Record<string, string>, url = '/') => guard.check({ headers, url }, 'http');
const socket = (headers: Record<string, string>, url = '/api/live') => guard.check({ headers, url }, 'socket');

describe('createAccessGuard', () => {
  test.each([
    ['the bearer', { host, authorization: `Bearer ${token}` }, '/', 'bearer'],
    ['the cookie', { host, cookie: `a=b; ${cookie}` }, '/', 'cookie'],
    ['the query', { host }, `/?token=${token}`, 'query'],
    ['another loopback name', { host: 'localhost:4311', cookie }, '/', 'cookie'],
  ])('lets in by %s', (_name, headers, url, admitted) => {
    expect(http(headers, url)).toEqual({ admitted });
  });

  test.each([
    ['no token', { host }, '/'],
    ['a wrong bearer', { host, authorization: 'Bearer wrong' }, '/'],
    ['a wrong cookie', { host, cookie: `${guard.cookieName}=wrong` }, '/'],
    ['the cookie of another desktop', { host, cookie: `autopilot_desktop_9999=${token}` }, '/'],
    ['a wrong query', { host }, '/?token=wrong'],
    ['an empty query', { host }, '/?token='],
    ['the token in another place of the query', { host }, `/?other=${token}`],
  ])('keeps out %s', (_name, headers, url) => {
    expect(http(headers, url)).toEqual({ refused: 'unauthorized' });
  });

  test.each([
    ['a rebound name', { host: 'evil.example:4311', cookie }],
    ['another port', { host: '127.0.0.1:4312', cookie }],
    ['no Host at all', { cookie }],
    ['a name that only begins like ours', { host: '127.0.0.1:4311.evil.example', cookie }],
  ])('keeps out %s before looking at the token', (_name, headers) => {
    expect(http(headers)).toEqual({ refused: 'forbidden_host' });
  });

  test('keeps out other origins, with whatever token', () => {
    const origin = 'http://127.0.0.1:9999';
    expect(http({ host, origin, cookie })).toEqual({ refused: 'forbidden_origin' });
    expect(http({ host, origin, authorization: `Bearer ${token}` })).toEqual({ refused: 'forbidden_origin' });
    expect(http({ host, origin: 'null', cookie })).toEqual({ refused: 'forbidden_origin' });
    expect(socket({ host, origin, cookie })).toEqual({ refused: 'forbidden_origin' });
  });

  test('a socket opened with the cookie must say its origin; one with the bearer is no browser', () => {
    expect(socket({ host, cookie })).toEqual({ refused: 'forbidden_origin' });
    expect(socket({ host, cookie, origin: `http://${host}` })).toEqual({ admitted: 'cookie' });
    expect(socket({ host, authorization: `Bearer ${token}` })).toEqual({ admitted: 'bearer' });
  });

  test('a socket takes no token from its URL', () => {
    expect(socket({ host, origin: `http://${host}` }, `/api/live?token=${token}`)).toEqual({ refused: 'unauthorized' });
  });
});
