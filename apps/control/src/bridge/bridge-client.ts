import { createHash } from 'node:crypto';
import type { Random } from '@autopilot/sync-contract';
import type { Client } from '../config/clients-file.ts';
import { serviceSubjects } from '../subjects.ts';
import { bridgeGrant } from './session-desk.ts';

/** The client by which the process of the bridge gets its tokens: control's own, with a secret of this start. */
export function bridgeClient(random: Random): { readonly client: Client; readonly secret: string } {
  const secret = Buffer.from(random.bytes(32)).toString('base64url');
  return {
    secret,
    client: {
      client_id: serviceSubjects.bridge,
      secret_sha256: createHash('sha256').update(secret).digest('hex'),
      subject: serviceSubjects.bridge,
      scopes: ['sync.subscribe', 'sync.bridge', 'sync.compute'],
      streams: [bridgeGrant],
      role: 'reader',
    },
  };
}
