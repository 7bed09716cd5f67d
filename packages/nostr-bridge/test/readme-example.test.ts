// The example of README.md, compiled and run; the last test compares the text of both.
import fs from 'node:fs';
import path from 'node:path';
import { Bridge, type BridgeSettings, nodeRelaySockets, nodeVerifyWorkers, type Signer } from '@autopilot/nostr-bridge';
import { systemPorts as ports, systemHttp } from '@autopilot/sync-contract/system-ports';
import { startRelay } from '@autopilot/testing/nostr';
import { expect, test } from '@jest/globals';
import { withFolder } from './support/bridge-file.ts';
import { alice } from './support/events.ts';

async function publishToMost(settings: BridgeSettings, signer: Signer, content: string): Promise<string> {
  const sockets = nodeRelaySockets(1 << 20);
  const bridge = await Bridge.open(settings, {
    ports,
    sockets,
    http: systemHttp,
    signer,
    spawnVerifier: nodeVerifyWorkers,
  });
  const settled = new Promise<string>((resolve) => bridge.onStanding((_id, standing) => resolve(standing)));
  bridge.start();
  // The same key again is the same event: safe to repeat after a crash.
  await bridge.publish({ key: `note ${content}`, template: { kind: 1, tags: [], content } });
  const standing = await settled;
  await bridge.close();
  return standing;
}

test('the example does what the README says', async () => {
  const relays = [await startRelay(), await startRelay()];
  const urls = relays.map(({ url }) => url);
  await withFolder(async (folder) => {
    const settings = { file: path.join(folder, 'bridge.sqlite'), relays: urls };
    expect(await publishToMost(settings, alice, 'hello')).toBe('reached');
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
