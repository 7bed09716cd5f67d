import { type Contiguity, genesisChain, type SyncEvent } from '@autopilot/sync-contract';
import { chainWithoutEvents, contiguityConflict, keyConflict, positionConflict } from './refusals.ts';
import type {
  AuditOverflow,
  QuarantinedConflict,
  ResetTo,
  StoredEffect,
  StoredStream,
  StoreScope,
  StreamChange,
  StreamReset,
} from './store.ts';

/** One life of a stream. */
export interface MemoryStream extends Omit<StoredStream, 'updated_at_ms'> {
  updated_at_ms: number;
  seq: bigint;
  chain: string;
  base_seq: bigint;
  base_chain: string;
  /** In rising sequence, from the base to the watermark. */
  readonly events: SyncEvent[];
  /** The sequence of each idempotency key. */
  readonly keys: Map<string, bigint>;
}

/** What one account stores. */
export interface MemoryAccount {
  readonly streams: Map<string, MemoryStream>;
  /** Events of replaced states. */
  readonly retired: SyncEvent[];
  readonly effects: Map<bigint, StoredEffect>;
  readonly resets: StreamReset[];
  readonly conflicts: Map<string, QuarantinedConflict>;
  readonly overflows: Map<string, AuditOverflow>;
}

/** What all accounts store. */
export interface MemoryContent {
  readonly accounts: Map<string, MemoryAccount>;
  lastEffect: bigint;
}

export function emptyContent(): MemoryContent {
  return { accounts: new Map(), lastEffect: 0n };
}

/** What a scope stores; made when it is new. */
export function accountOf(content: MemoryContent, { environment, database, account }: StoreScope): MemoryAccount {
  const name = JSON.stringify([environment, database, account]);
  const known = content.accounts.get(name);
  if (known !== undefined) return known;
  const made: MemoryAccount = {
    streams: new Map(),
    retired: [],
    effects: new Map(),
    resets: [],
    conflicts: new Map(),
    overflows: new Map(),
  };
  content.accounts.set(name, made);
  return made;
}

/** A stream that begins at a place. */
export function streamAt(
  streamId: string,
  at: Pick<ResetTo, 'epoch' | 'seq' | 'chain'>,
  contiguity: Contiguity,
  updated_at_ms: number,
): MemoryStream {
  const { epoch, seq, chain } = at;
  const base = { base_seq: seq, base_chain: chain };
  return { stream_id: streamId, epoch, seq, chain, ...base, contiguity, updated_at_ms, events: [], keys: new Map() };
}

/** The first index of events in rising sequence whose event is beyond `seq`. */
export function indexAfter(events: readonly SyncEvent[], seq: bigint): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.seq ?? seq) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A change that may be made, and the stream it is made to. */
interface Planned {
  readonly change: StreamChange;
  readonly stream: MemoryStream;
}

/**
 * Looks whether all changes of a commit can be made, one after the other, and changes nothing.
 *
 * @throws {CheckpointError} `position_conflict`, `idempotency_conflict`, `invalid_change`
 */
export function planCommit(account: MemoryAccount, changes: readonly StreamChange[], at: number): readonly Planned[] {
  const begun = new Map<string, MemoryStream>();
  const reached = new Map<MemoryStream, { readonly seq: bigint; readonly chain: string }>();
  const keys = new Map<MemoryStream, Set<string>>();
  return changes.map((change) => {
    const { stream_id, contiguity = 'dense' } = change;
    const stream = account.streams.get(stream_id) ?? begun.get(stream_id) ?? streamToBegin(change, at);
    begun.set(stream_id, stream);
    const { seq, chain } = reached.get(stream) ?? stream;
    if (stream.epoch !== change.epoch || seq !== change.expected_seq) {
      throw positionConflict(change, { epoch: stream.epoch, seq });
    }
    if (change.events.length === 0 && change.chain !== chain) throw chainWithoutEvents(change);
    if (contiguity !== stream.contiguity) throw contiguityConflict(change, stream.contiguity);
    const added = keys.get(stream) ?? new Set<string>();
    keys.set(stream, added);
    for (const event of change.events) {
      if (stream.keys.has(event.idempotency_key) || added.has(event.idempotency_key)) throw keyConflict(change, event);
      added.add(event.idempotency_key);
    }
    reached.set(stream, change);
    return { change, stream };
  });
}

/** The first commit of a stream starts before its first event; everything else starts by a reset to a floor. */
function streamToBegin(change: StreamChange, at: number): MemoryStream {
  const { stream_id, epoch, contiguity = 'dense' } = change;
  if (change.expected_seq !== 0n) throw positionConflict(change, undefined);
  return streamAt(stream_id, { epoch, seq: 0n, chain: genesisChain(stream_id) }, contiguity, at);
}
