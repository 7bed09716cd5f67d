import type { PayloadHash } from '@autopilot/sync-contract';
import { systemHttp } from '@autopilot/sync-contract/system-ports';
import { type GateFacts, recordGateFacts } from '@autopilot/testing';
import { moduleSchemaDigest } from '../../src/index.ts';
import type { Client, Embedded } from '../support/embedded.ts';

/** A host has one module as long as it runs. */
const digests = new WeakMap<Embedded, Promise<PayloadHash>>();

async function digestOf(world: Embedded): Promise<PayloadHash> {
  const { status, body } = await systemHttp({
    method: 'GET',
    url: `${world.host.url}/v1/database/sync/schema?version=10`,
  });
  if (status !== 200) throw new Error(`The host does not tell its schema: ${status}.`);
  return moduleSchemaDigest(JSON.parse(body));
}

/** Records what a case drove over real sockets, with the module and the protocol that it met. */
export async function recordLaneFacts(world: Embedded, client: Client, events: number): Promise<void> {
  const digest = digests.get(world) ?? digestOf(world);
  digests.set(world, digest);
  const { protocol } = client.session.status();
  const facts: GateFacts = { events, module_schema: await digest };
  recordGateFacts(protocol === undefined ? facts : { ...facts, protocols: [protocol] });
}
