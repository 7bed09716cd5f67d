import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type Clock,
  canonicalJson,
  genesisChain,
  isCodedError,
  type Random,
  type SyncEvent,
} from '@autopilot/sync-contract';
import { chainOf, sampleEpoch, sampleEvent, sampleStreamId } from '@autopilot/testing/sample-events';
import { type CheckpointOptions, type CheckpointStore, openCheckpointStore, type StreamChange } from '../src/index.ts';

export const streamId = sampleStreamId;
export const scope = { environment: 'test', database: 'autopilot', account: 'alice' };

export const clock: Clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };
export const random: Random = { next: () => 0.5, bytes: (length) => new Uint8Array(length).fill(7) };

/** A file system in memory, where there is one: what is tried here needs files and processes, and no disk. */
const shared = '/dev/shm';
const inMemory = fs.existsSync(shared) ? shared : os.tmpdir();

/** A folder of this test. */
export function makeFolder(root = inMemory): string {
  return fs.mkdtempSync(path.join(root, 'checkpoint-'));
}

export function removeFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
}

export function open(file: string, changes: Partial<CheckpointOptions> = {}): Promise<CheckpointStore> {
  return openCheckpointStore({ file, scope, synchronous: 'NORMAL', clock, random, ...changes });
}

/** Runs a test on a store of its own. */
export async function withStore(
  body: (store: CheckpointStore, file: string, folder: string) => Promise<void> | void,
  changes: Partial<CheckpointOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    const store = await open(file, changes);
    try {
      await body(store, file, folder);
    } finally {
      await store.close();
    }
  });
}

export async function withFolder(body: (folder: string) => Promise<void>, root = inMemory): Promise<void> {
  const folder = makeFolder(root);
  try {
    await body(folder);
  } finally {
    removeFolder(folder);
  }
}

/** An event of so many bytes, and a few more. */
export function event(seq: number, size = 0, stream_id = streamId): SyncEvent {
  return sampleEvent(seq, { stream_id, payload: canonicalJson({ fill: 'x'.repeat(size), seq }) });
}

/** The change after what a store has, of `count` events. */
export function nextChange(store: CheckpointStore, count: number, size = 0, stream_id = streamId): StreamChange {
  const stored = store.load(stream_id);
  const expected_seq = stored?.seq ?? 0n;
  const events = Array.from({ length: count }, (_, index) => event(Number(expected_seq) + index + 1, size, stream_id));
  const chain = chainOf(events, stored?.chain ?? genesisChain(stream_id));
  return { stream_id, epoch: sampleEpoch, expected_seq, events, seq: expected_seq + BigInt(count), chain };
}

/** The code of the error of a call or promise; `nothing thrown` when there is none. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return isCodedError(error) ? error.code : `no code: ${String(error)}`;
  }
  return 'nothing thrown';
}

export function filesOf(folder: string): readonly string[] {
  return fs.readdirSync(folder).sort();
}
