import { hash } from 'node:crypto';
import { type Client, parseClients } from '../../src/config/clients-file.ts';

/** Clients of the tests; the secret of each is its client id. */
export const clients: readonly Client[] = parseClients({
  clients: [
    client('desktop', ['sync.subscribe', 'sync.checkpoint.write'], ['runtime.run.*'], 'reader'),
    client('feed', ['sync.project'], ['runtime.run.*', 'runtime.feed'], 'writer'),
    client('operator', ['sync.admin', 'sync.project'], ['runtime.*'], 'reader'),
    client('narrow', ['sync.subscribe'], ['runtime.run.1'], 'reader'),
    client('nobody', [], [], 'reader'),
  ],
});

function client(id: string, scopes: string[], streams: string[], role: string) {
  return { client_id: id, secret_sha256: hash('sha256', id, 'hex'), subject: `user-${id}`, scopes, streams, role };
}
