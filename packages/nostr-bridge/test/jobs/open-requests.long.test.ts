// A customer and two providers, each a bridge, at one real relay.
import path from 'node:path';
import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { startRelay } from '@autopilot/testing/nostr';
import { expect, jest, test } from '@jest/globals';
import { Bridge, type BridgeSettings, nodeRelaySockets, nodeVerifyWorkers, secretKeySigner } from '../../src/index.ts';
import { withFolder } from '../support/bridge-file.ts';
import { keyOf } from '../support/events.ts';

jest.setTimeout(60_000);

test('J9 J10 of two providers that answer a request to everybody one result is kept', async () => {
  const relay = await startRelay();
  await withFolder(async (folder) => {
    const open = (name: string, settings: Partial<BridgeSettings>) =>
      Bridge.open(
        { file: path.join(folder, name), relays: [relay.url], ...settings },
        {
          ports,
          sockets: nodeRelaySockets(1 << 20),
          signer: secretKeySigner(keyOf(name), ports.random),
          spawnVerifier: nodeVerifyWorkers,
          work: { quote: () => undefined, run: async () => `the result of ${name}` },
        },
      );
    const provider = { kinds: [5_050], takesOpenRequests: true, pollMs: 50 };
    const providers = [await open('one', { provider }), await open('two', { provider })];
    const strict = await open('strict', { provider: { kinds: [5_050] } });
    const customer = await open('customer', { customer: { jobMs: 60_000, kinds: [5_050] } });
    const all = [...providers, strict, customer];
    for (const bridge of all) bridge.start();
    try {
      const request = { kind: 5_050, inputs: [], params: [], relays: [relay.url], isEncrypted: false };
      const { request_id } = await customer.request('job', request);
      const results = () => relay.stored().filter(({ kind }) => kind === 6_050).length;
      await waitFor(() => results() === 2, { describe: 'both results', timeoutMs: 30_000 });
      // Each provider says that it begins, and its result: of four events one is kept.
      const heard = () => {
        const { moved = 0, others = 0, unbound = 0 } = customer.status().customer ?? {};
        return moved + others + unbound;
      };
      await waitFor(() => heard() === 4, { describe: () => JSON.stringify(customer.status()), timeoutMs: 30_000 });
      expect(customer.status().customer).toMatchObject({ moved: 1 });
      const job = customer.job('customer', request_id);
      const first = providers.find(({ pubkey }) => pubkey === job?.provider);
      expect(job).toMatchObject({ state: 'done', detail: `the result of ${first === providers[0] ? 'one' : 'two'}` });
      // Counted anew from time to time only.
      const isCounted = () => JSON.stringify(customer.status().jobs).includes('"done"');
      await waitFor(isCounted, { describe: 'the job that is done' });
      expect(customer.status().jobs).toEqual([{ role: 'customer', state: 'done', number: 1 }]);
      expect(strict.status().provider).toMatchObject({ taken: 0 });
    } finally {
      await Promise.all(all.map((bridge) => bridge.close()));
    }
  });
  await relay.close();
});
