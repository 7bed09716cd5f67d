// A bridge that publishes what it is told until it is killed. It says what was stored, after it was stored.
import fs from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import {
  Deliveries,
  defaultRelaySettings,
  nodeRelaySockets,
  Outbox,
  OutboxStore,
  openBridgeFile,
  Relay,
} from '../../src/index.ts';
import { alice } from '../support/events.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

const [name = '', count = '', ...urls] = process.argv.slice(2);
const file = await openBridgeFile({ file: name, as: 'owner' });
const store = new OutboxStore(file, systemPorts.clock);
const outbox = new Outbox({ file, store, ports: systemPorts, signer: alice, signMs: 5_000 });
const backoff = { floorMs: 5, baseMs: 10, capMs: 50 };
const deliveries = new Deliveries(store, systemPorts, { backoff, pollMs: 100 });
const sockets = nodeRelaySockets(defaultRelaySettings.maxFrameBytes);
const settings = { backoff, outbound: { perSecond: 1_000, burst: 100 } };
const relays = urls.map(
  (url) =>
    new Relay(
      url,
      { ports: systemPorts, sockets, settings },
      {
        mayPublish: () => deliveries.ready(url),
        late: (id, verdict) => deliveries.late(url, id, verdict),
      },
    ),
);
outbox.onStored((stored) => {
  for (const url of stored) deliveries.wake(url);
});
// Written at once and by the kernel: what stands here was stored before the kill.
deliveries.onStanding((id, standing) => fs.writeSync(1, `standing ${id} ${standing}\n`));
deliveries.start(relays);
for (const relay of relays) relay.start();
for (let number = 0; number < Number(count); number += 1) {
  const key = `event ${number}`;
  // Another life asks for the same keys at another time: only the outbox keeps the ids together.
  const { event } = await outbox.enqueue({
    key,
    template: { kind: 1, tags: [['n', `${number}`]], content: 'x' },
    relays: urls,
    quorum: { type: 'all' },
  });
  fs.writeSync(1, `stored ${number} ${event.id}\n`);
}
