// Decide and commit against a bare insert of the same rows, in turns, in one process, on one disk.
// node --conditions=@autopilot/source bench/apply-commit.ts [events] [batch]
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { applyBatch, initialState } from '@autopilot/apply-engine';
import { openCheckpointStore } from '@autopilot/checkpoint';
import { canonicalJson, canonicalPayloadHash, genesisChain, type SyncEvent } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { openBareTable } from './src/disk/bare-insert.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const total = wholeNumber(positionals[0], 50_000, 'events');
const batchSize = wholeNumber(positionals[1], 100, 'batch');
const rounds = 5;
const streamId = 'runtime.bench.1';

const keyShapes = {
  // As a host with rising ids makes them: the key index grows at its end.
  ordered: (index: number) => `run-42:${`${index}`.padStart(12, '0')}`,
  // As random ids: the key index grows everywhere, and each batch writes many of its pages.
  random: (index: number) => genesisChain(`${index}`).slice(0, 32),
};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-apply-commit-'));
try {
  for (const keys of ['ordered', 'random'] as const) console.log(JSON.stringify(await compare(keys)));
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

async function compare(keys: keyof typeof keyShapes): Promise<Record<string, unknown>> {
  const events = makeEvents(keyShapes[keys]);
  const batches = Array.from({ length: Math.ceil(total / batchSize) }, (_, index) =>
    events.slice(index * batchSize, (index + 1) * batchSize),
  );
  const rates = { indexed: [] as number[], bare: [] as number[], ours: [] as number[] };
  // In turns: what else the machine does hits all of them alike. The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const indexed = bareInsert(batches, 'of the store');
    const bare = bareInsert(batches, 'sequence only');
    const ours = await decideAndCommit(batches);
    if (round === 0) continue;
    rates.indexed.push(indexed);
    rates.bare.push(bare);
    rates.ours.push(ours);
  }
  const [indexed, bare, ours] = [median(rates.indexed), median(rates.bare), median(rates.ours)];
  return {
    events: total,
    batch: batchSize,
    keys,
    synchronous: 'NORMAL',
    rounds,
    rows_per_second: {
      decide_and_commit: Math.round(ours),
      bare_insert_same_table: Math.round(indexed),
      bare_insert_sequence_only: Math.round(bare),
    },
    ratio_to_same_table: Number((ours / indexed).toFixed(3)),
    ratio_to_sequence_only: Number((ours / bare).toFixed(3)),
  };
}

/** The path of a database that is not there yet. */
function freshFile(): string {
  return path.join(fs.mkdtempSync(path.join(folder, 'db-')), 'bench.sqlite');
}

/** Rows a second of a prepared insert in transactions, with nothing decided, hashed or checked. */
function bareInsert(batches: readonly (readonly SyncEvent[])[], indexes: 'of the store' | 'sequence only'): number {
  const table = openBareTable(freshFile(), indexes);
  const rate = measure(() => {
    for (const batch of batches) table.write(batch);
  });
  table.close();
  return rate;
}

/** Rows a second from events in memory to a committed checkpoint: hashes verified, chain extended, one commit a batch. */
async function decideAndCommit(batches: readonly (readonly SyncEvent[])[]): Promise<number> {
  const scope = { environment: 'bench', database: 'bench', account: 'bench' };
  const store = await openCheckpointStore({ file: freshFile(), scope, synchronous: 'NORMAL', ...systemPorts });
  let state = { ...initialState(streamId), epoch: 'bench' };
  const applied = { hashAt: (seq: bigint) => store.hashAt(streamId, 'bench', seq) };
  const rate = measure(() => {
    for (const batch of batches) {
      const result = applyBatch(state, batch, { applied });
      const { seq, chain } = result.next;
      store.commit([
        { stream_id: streamId, epoch: 'bench', expected_seq: state.seq, events: result.applied, seq, chain },
      ]);
      state = result.next;
    }
  });
  if (store.load(streamId)?.seq !== BigInt(total)) throw new Error('the store does not hold all events');
  await store.close();
  return rate;
}

function measure(work: () => void): number {
  const start = performance.now();
  work();
  return total / ((performance.now() - start) / 1_000);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function makeEvents(keyOf: (index: number) => string): readonly SyncEvent[] {
  return Array.from({ length: total }, (_, index) => {
    const payload = canonicalJson({ item: { id: `item_${index}`, text: 'x'.repeat(200), type: 'agentMessage' } });
    return {
      stream_id: streamId,
      epoch: 'bench',
      seq: BigInt(index + 1),
      kind: 'item/completed',
      payload,
      payload_hash: canonicalPayloadHash(payload),
      idempotency_key: keyOf(index),
      committed_at: 1_700_000_000_000_000n + BigInt(index),
    };
  });
}

function wholeNumber(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`${name} must be a whole number from 1, not "${text}".`);
  process.exit(2);
}
