// What the conformance tests are made of: one stream of small events, and a store that is opened again and again.
import {
  type CanonicalJson,
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  isCodedError,
  type SyncEvent,
} from '@autopilot/sync-contract';
import type { AuditLimits, CheckpointStore, Commit, StreamChange } from '../store.ts';

/** The part of a test runner that is used. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
  expect(actual: unknown): { toEqual(expected: unknown): void };
}

/** One empty store, that can be opened, closed and opened again. */
export interface StoreUnderTest {
  /** Opens the store, in the scope with this account and with these limits. Rejects while another one is open. */
  open(account: string, limits?: AuditLimits): Promise<CheckpointStore>;
  /** Removes it; every store of it has been closed. */
  dispose(): Promise<void>;
}

/** Adds one test on a store of its own, opened in the scope of `alice`. */
export type Check = (title: string, body: (store: CheckpointStore, under: Reopening) => Promise<void>) => void;

/** The stream of the tests, and its lives. */
export const streamId = 'runtime.conformance.1';
export const epoch = 'epoch-1';
export const nextEpoch = 'epoch-2';

/** The store of one test: open at most once at a time. */
export class Reopening {
  readonly #under: StoreUnderTest;
  #store: CheckpointStore | undefined;

  constructor(under: StoreUnderTest) {
    this.#under = under;
  }

  async open(account = 'alice', limits?: AuditLimits): Promise<CheckpointStore> {
    this.#store = await this.#under.open(account, limits);
    return this.#store;
  }

  async reopen(account?: string, limits?: AuditLimits): Promise<CheckpointStore> {
    await this.close();
    return this.open(account, limits);
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}

export function event(seq: number, stream_id = streamId): SyncEvent {
  const payload: CanonicalJson = canonicalJson({ seq });
  return {
    stream_id,
    epoch,
    seq: BigInt(seq),
    kind: 'item/completed',
    payload,
    payload_hash: canonicalPayloadHash(payload),
    idempotency_key: `key-${seq}`,
    committed_at: 1_700_000_000_000_000n + BigInt(seq),
  };
}

/** Events after `from`, up to and including `to`. */
export function log(from: number, to: number, stream_id?: string): readonly SyncEvent[] {
  return Array.from({ length: to - from }, (_, index) => event(from + index + 1, stream_id));
}

export function chainAt(seq: number): string {
  return log(0, seq).reduce((chain, link) => extendChain(chain, link), genesisChain(streamId));
}

export function change(from: number, to: number, changes: Partial<StreamChange> = {}): StreamChange {
  const events = log(from, to);
  return {
    stream_id: streamId,
    epoch,
    expected_seq: BigInt(from),
    events,
    seq: BigInt(to),
    chain: chainAt(to),
    ...changes,
  };
}

export function inEpoch(name: string, from: number, to: number): Pick<StreamChange, 'epoch' | 'events'> {
  return { epoch: name, events: log(from, to).map((one) => ({ ...one, epoch: name })) };
}

export function position(store: CheckpointStore): unknown {
  const stream = store.load(streamId);
  return stream && { epoch: stream.epoch, seq: stream.seq, chain: stream.chain };
}

export function seqOf(commit: Commit): bigint {
  return commit.changes[0]?.seq ?? -1n;
}

/** The error that a call throws: its code, and the facts of this occurrence. */
export function refusalOf(call: () => unknown): { readonly code: string; readonly details: unknown } {
  try {
    call();
  } catch (error) {
    if (isCodedError(error)) return { code: error.code, details: error.details };
    return { code: 'an error without a code', details: undefined };
  }
  return { code: 'nothing thrown', details: undefined };
}

/** The code of the error that a call throws; `nothing thrown` when it returns. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return isCodedError(error) ? error.code : 'an error without a code';
  }
  return 'nothing thrown';
}

/** The `details` of the coded error that a call throws. */
export function detailsOf(call: () => unknown): Readonly<Record<string, unknown>> {
  try {
    call();
  } catch (error) {
    if (isCodedError(error)) return error.details;
  }
  return {};
}

/** As `codeOf`, of a call that may give a promise. */
export async function codeOfAsync(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return isCodedError(error) ? error.code : 'an error without a code';
  }
  return 'nothing thrown';
}
