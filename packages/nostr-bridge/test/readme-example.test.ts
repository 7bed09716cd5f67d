// The example of README.md, compiled and run; the last test compares the text of both.
import fs from 'node:fs';
import path from 'node:path';
import {
  Deliveries,
  nodeRelaySockets,
  Outbox,
  OutboxStore,
  openBridgeFile,
  Relay,
  type Signer,
} from '@autopilot/nostr-bridge';
import { systemPorts as ports, systemHttp } from '@autopilot/sync-contract/system-ports';
import { startRelay } from '@autopilot/testing/nostr';
import { expect, test } from '@jest/globals';
import { withFolder } from './support/bridge-file.ts';
import { alice } from './support/events.ts';

async function publishToMost(file: string, relays: readonly string[], signer: Signer, content: string) {
  const bridge = await openBridgeFile({ file, as: 'owner' });
  const store = new OutboxStore(bridge, ports.clock);
  const outbox = new Outbox({ file: bridge, store, ports, signer, signMs: 5_000 });
  const deliveries = new Deliveries(store, ports);
  const environment = { ports, signer, sockets: nodeRelaySockets(1 << 20), http: systemHttp };
  const targets = relays.map(
    (url) =>
      new Relay(url, environment, {
        mayPublish: () => deliveries.wake(url),
        late: (id, verdict) => deliveries.late(url, id, verdict),
      }),
  );
  const settled = new Promise((resolve) => deliveries.onStanding((_id, standing) => resolve(standing)));
  outbox.onStored((urls) => {
    for (const url of urls) deliveries.wake(url);
  });
  deliveries.start(targets);
  for (const target of targets) target.start();

  const template = { kind: 1, tags: [], content };
  await outbox.enqueue({ key: `note ${content}`, template, relays, quorum: { type: 'majority' } });
  const standing = await settled;

  deliveries.stop();
  for (const target of targets) target.close();
  bridge.close();
  return standing;
}

test('the example does what the README says', async () => {
  const relays = [await startRelay(), await startRelay()];
  const urls = relays.map(({ url }) => url);
  await withFolder(async (folder) => {
    expect(await publishToMost(path.join(folder, 'bridge.sqlite'), urls, alice, 'hello')).toBe('reached');
  });
  for (const relay of relays) {
    expect(relay.stored()).toMatchObject([{ content: 'hello' }]);
    await relay.close();
  }
});

test('the example is the one of the README', () => {
  const folder = path.join(import.meta.dirname, '..');
  const source = fs.readFileSync(import.meta.filename, 'utf8');
  const example = fs.readFileSync(path.join(folder, 'README.md'), 'utf8').split('```ts\n')[1]?.split('```')[0] ?? '';
  const [imports = '', ...body] = example.replaceAll('export async', 'async').split('\n\n');
  for (const line of imports.split('\n')) expect(source).toContain(line);
  expect(body.length).toBeGreaterThan(0);
  expect(source).toContain(body.join('\n\n'));
});
