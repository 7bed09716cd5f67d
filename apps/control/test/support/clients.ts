import { hash } from 'node:crypto';
import { type Client, parseClients } from '../../src/config/clients-file.ts';

/** Clients of the tests; the secret of each is its client id. */
export const clients: readonly Client[] = parseClients({
  clients: [
    clientOf('desktop', ['sync.subscribe', 'sync.checkpoint.write'], ['runtime.run.*'], 'reader'),
    clientOf('feed', ['sync.project'], ['runtime.run.*', 'runtime.feed'], 'writer'),
    clientOf('operator', ['sync.admin', 'sync.project'], ['runtime.*'], 'reader'),
    clientOf('narrow', ['sync.subscribe'], ['runtime.run.1'], 'reader'),
    clientOf('nobody', [], [], 'reader'),
  ],
});

/** An entry of a clients file; its secret is its id. */
export function clientOf(id: string, scopes: readonly string[], streams: readonly string[], role: string) {
  return { client_id: id, secret_sha256: hash('sha256', id, 'hex'), subject: `user-${id}`, scopes, streams, role };
}
