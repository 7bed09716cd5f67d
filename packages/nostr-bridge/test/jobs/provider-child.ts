// A provider that kills itself, once, at each point that it is told: before a move is committed, and after.
import fs from 'node:fs';
import { flushCompileCache } from 'node:module';
import path from 'node:path';
import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import {
  Deliveries,
  follow,
  Inbound,
  JobProvider,
  JobStore,
  nodeRelaySockets,
  nodeVerifyWorkers,
  Outbox,
  OutboxStore,
  openBridgeFile,
  Relay,
  SeenSet,
  secretKeyCipher,
  WorkerVerifier,
} from '../../src/index.ts';
import { bob, keyOf } from '../support/events.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

const [folder = '', ...urls] = process.argv.slice(2);
/** A point is passed by alive only in a life after the one that it ended. */
function killAt(point: string): void {
  const mark = path.join(folder, `killed ${point}`);
  if (fs.existsSync(mark)) return;
  fs.writeFileSync(mark, '');
  process.kill(process.pid, 'SIGKILL');
}

/** Moves of the transaction that runs. */
const moved: string[] = [];

class DyingJobs extends JobStore {
  override add(...args: Parameters<JobStore['add']>): boolean {
    const isNew = super.add(...args);
    if (isNew) this.#passed('offered');
    return isNew;
  }

  override move(...args: Parameters<JobStore['move']>): ReturnType<JobStore['move']> {
    const job = super.move(...args);
    if (job !== undefined) this.#passed(job.state);
    return job;
  }

  #passed(state: string): void {
    killAt(`before ${state}`);
    moved.push(state);
  }
}

const file = await openBridgeFile({ file: path.join(folder, 'bridge.sqlite'), as: 'owner' });
const transaction = file.transaction.bind(file);
file.transaction = (doing, work) => {
  const result = transaction(doing, work);
  if (!file.sqlite.inTransaction) for (const state of moved.splice(0)) killAt(`after ${state}`);
  return result;
};
const store = new OutboxStore(file, ports.clock);
const outbox = new Outbox({ file, store, ports, signer: bob, signMs: 5_000 });
const backoff = { floorMs: 5, baseMs: 10, capMs: 50 };
const deliveries = new Deliveries(store, ports, { backoff, pollMs: 100 });
const jobs = new DyingJobs(file, ports.clock);
const provider = new JobProvider({
  jobs,
  outbox,
  ports,
  work: {
    quote: () => ({ amount_msat: 21_000, bolt11: 'lnbc1invoice' }),
    run: async ({ inputs, params }, _job, progress) => {
      fs.appendFileSync(path.join(folder, 'runs'), 'run\n');
      await progress('half');
      return JSON.stringify({ inputs, params });
    },
  },
  kinds: [5_050],
  relays: urls,
  quorum: { type: 'all' },
  jobMs: 600_000,
  runMs: 30_000,
  quoteMs: 5_000,
  maxRunning: 2,
  pollMs: 50,
  cipher: secretKeyCipher(keyOf('bob'), ports.random),
});
const inbound = new Inbound({
  file,
  ports,
  verifier: new WorkerVerifier({ ports, spawn: nodeVerifyWorkers, workers: 1, batchMs: 20_000 }),
  seen: new SeenSet(file, 10_000),
  accept: (event) => {
    provider.take(event);
    setImmediate(() => provider.wake());
  },
});
const sockets = nodeRelaySockets(1 << 20);
const relays = urls.map(
  (url) =>
    new Relay(
      url,
      { ports, sockets, settings: { backoff } },
      { mayPublish: () => deliveries.ready(url), late: (id, verdict) => deliveries.late(url, id, verdict) },
    ),
);
outbox.onStored((stored) => {
  for (const url of stored) deliveries.wake(url);
});
deliveries.start(relays);
for (const relay of relays) {
  const from = Math.floor(Date.now() / 1000) - 600;
  follow({
    file,
    ports,
    relay,
    inbound,
    name: 'jobs',
    filters: provider.filters(),
    from,
    overlapSeconds: 120,
    noteMs: 50,
  });
  relay.start();
}
provider.start();
setInterval(() => {
  if (!fs.existsSync(path.join(folder, 'paid'))) return;
  for (const { request_id } of jobs.list('quoted', 9)) {
    // In a transaction of its own, as the other moves are: so that it can end before it is committed.
    file.transaction('Noting a payment', () => provider.notePaid(request_id));
  }
}, 20);
