import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createClientRegistry } from '../src/config/client-registry.ts';
import { parseClients, readClientsFile } from '../src/config/clients-file.ts';
import { coversStream, isStreamPattern } from '../src/config/stream-pattern.ts';
import { clients, issuer } from './support/harness.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const good = {
  client_id: 'a',
  secret_sha256: 'a'.repeat(64),
  subject: 's',
  scopes: ['sync.subscribe'],
  streams: ['runtime.*'],
  role: 'reader',
};

const code = 'clients_file_invalid';

describe('clients file', () => {
  test('reads a file', () => {
    const file = path.join(temporaryFolder(), 'clients.json');
    writeFileSync(file, JSON.stringify({ clients: [good] }));
    expect(readClientsFile(file)).toEqual([good]);
  });

  test.each([
    ['an unknown field', { ...good, secret: 'plain' }, 'secret'],
    ['a secret that is not a hash', { ...good, secret_sha256: 'plain' }, 'clients.0.secret_sha256'],
    ['an unknown scope', { ...good, scopes: ['sync.everything'] }, 'clients.0.scopes.0'],
    ['an unknown role', { ...good, role: 'owner' }, 'clients.0.role'],
    ['a star in the middle', { ...good, streams: ['run.*.x'] }, 'clients.0.streams.0'],
    ['a colon in the id', { ...good, client_id: 'a:b' }, 'clients.0.client_id'],
    ["control's own subject", { ...good, subject: 'control' }, 'subject "control"'],
  ])('refuses %s and names it', (_name, client, named) => {
    expect(() => parseClients({ clients: [client] })).toThrow(expect.objectContaining({ code }));
    expect(() => parseClients({ clients: [client] })).toThrow(named);
  });

  test('refuses two clients with one id', () => {
    expect(() => parseClients({ clients: [good, { ...good, subject: 'other' }] })).toThrow('client_id "a"');
  });

  test('refuses a file that is missing or not JSON', () => {
    const folder = temporaryFolder();
    expect(() => readClientsFile(path.join(folder, 'none'))).toThrow(expect.objectContaining({ code }));
    writeFileSync(path.join(folder, 'text'), 'clients:');
    expect(() => readClientsFile(path.join(folder, 'text'))).toThrow('is not JSON');
  });
});

describe('stream patterns', () => {
  test('cover exact ids and prefixes, and nothing without a pattern', () => {
    expect(coversStream(['runtime.run.*'], 'runtime.run.1')).toBe(true);
    expect(coversStream(['runtime.run.*'], 'runtime.runner')).toBe(false);
    expect(coversStream(['runtime.run'], 'runtime.run.1')).toBe(false);
    expect(coversStream(['*'], 'runtime.run')).toBe(true);
    expect(coversStream([], 'runtime.run')).toBe(false);
  });

  test('are not empty and end in at most one star', () => {
    expect(['a', 'a*', '*'].every(isStreamPattern)).toBe(true);
    expect(['', '**', '*a', 'a*b'].some(isStreamPattern)).toBe(false);
  });
});

describe('client registry', () => {
  const registry = createClientRegistry(clients, issuer);

  test('authenticates by the hash of the secret', () => {
    expect(registry.authenticate('feed', 'feed')?.subject).toBe('user-feed');
    expect(registry.authenticate('feed', 'desktop')).toBeUndefined();
    expect(registry.authenticate('unknown', '')).toBeUndefined();
  });

  test('knows when clients may append by themselves', () => {
    expect(registry.othersMayAppend('runtime.run.1')).toBe(false);
    const writer = { ...good, scopes: ['sync.append'], streams: ['runtime.x'], role: 'writer' };
    const admin = { ...good, scopes: ['sync.append', 'sync.admin'], streams: [] };
    expect(createClientRegistry(parseClients({ clients: [writer] }), issuer).othersMayAppend('runtime.x')).toBe(true);
    expect(createClientRegistry(parseClients({ clients: [writer] }), issuer).othersMayAppend('runtime.y')).toBe(false);
    expect(createClientRegistry(parseClients({ clients: [admin] }), issuer).othersMayAppend('runtime.y')).toBe(true);
  });
});
