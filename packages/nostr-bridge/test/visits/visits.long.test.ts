import path from 'node:path';
import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { type Relay, startRelay } from '@autopilot/testing/nostr';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  Bridge,
  type BridgeSettings,
  nodePublicSockets,
  nodeRelaySockets,
  nodeVerifyWorkers,
  secretKeySigner,
} from '../../src/index.ts';
import { withFolder } from '../support/bridge-file.ts';
import { keyOf } from '../support/events.ts';

jest.setTimeout(60_000);
const quick = { backoff: { floorMs: 5, baseMs: 10, capMs: 50 } };
const allowed = { allowInsecureRelays: true, allowPrivateRelays: true, visitMs: 500 };
let own: Relay;
let far: Relay;

beforeEach(async () => {
  [own, far] = [await startRelay(), await startRelay()];
});
afterEach(async () => {
  await Promise.all([own.close(), far.close()]);
});

/** Runs a job between two bridges whose provider is connected to `own` alone; its customer reads and names `far`. */
async function withJob(
  visits: BridgeSettings['visits'],
  body: (provider: Bridge, customer: Bridge, request_id: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const open = (name: string, settings: Partial<BridgeSettings>) =>
      Bridge.open(
        { file: path.join(folder, name), relays: [own.url], relay: quick, ...settings },
        {
          ports,
          sockets: nodeRelaySockets(1 << 20),
          signer: secretKeySigner(keyOf(name), ports.random),
          spawnVerifier: nodeVerifyWorkers,
          work: { quote: () => undefined, run: async () => 'the result' },
        },
      );
    const provider = await open('provider', { provider: { kinds: [5_050], pollMs: 50 }, visits: visits ?? {} });
    const customer = await open('customer', {
      relays: [own.url, far.url],
      readRelays: [far.url],
      customer: { jobMs: 60_000 },
    });
    provider.start();
    customer.start();
    try {
      const job = await customer.request('job', {
        kind: 5_050,
        provider: provider.pubkey,
        inputs: [],
        params: [],
        relays: [far.url, own.url],
        isEncrypted: false,
      });
      await body(provider, customer, job.request_id);
    } finally {
      await Promise.all([provider.close(), customer.close()]);
    }
  });
}

const results = (relay: Relay) => relay.stored().filter(({ kind }) => kind === 6_050).length;

describe('relays outside of the settings', () => {
  test('V3 V4 a customer that reads elsewhere gets its answer there, and the visit ends', () =>
    withJob(allowed, async (provider, customer, request_id) => {
      await waitFor(() => customer.job('customer', request_id)?.state === 'done', {
        describe: 'the result at the customer',
        timeoutMs: 30_000,
      });
      expect([own, far].map(results)).toEqual([1, 1]);
      await waitFor(() => provider.status().visiting.length === 0, { describe: 'the end of the visit' });
      await waitFor(() => far.connections === 1, { describe: 'the connection of the customer alone' });
    }));

  test('V2 of this machine are not connected to where nothing allows it', () =>
    withJob(undefined, async (provider) => {
      await waitFor(() => results(own) === 1, { describe: 'the result', timeoutMs: 30_000 });
      expect([results(far), far.connections, provider.status().visits.begun]).toEqual([0, 1, 0]);
      expect(provider.status().deliveries.map(({ relay }) => relay)).not.toContain(far.url);
    }));

  test('V2 a name that leads to this machine is refused by sockets for the public internet alone', async () => {
    const url = own.url.replace('127.0.0.1', 'localhost');
    const end = (sockets: ReturnType<typeof nodeRelaySockets>) =>
      new Promise<string>((resolve) => {
        const socket = sockets(
          { url, protocols: [], headers: {} },
          {
            opened: () => {
              socket.terminate();
              resolve('opened');
            },
            message: () => {},
            alive: () => {},
            refused: (status) => resolve(`${status}`),
            closed: (_code, reason) => resolve(reason),
          },
        );
      });
    expect(await end(nodePublicSockets(1 << 20))).toBe('localhost has no public address.');
    expect(await end(nodeRelaySockets(1 << 20))).toBe('opened');
  });
});
