import type { CheckpointStore, StoredStream, StreamChange } from '@autopilot/checkpoint';
import { genesisChain, type SyncEvent } from '@autopilot/sync-contract';

interface Kept {
  stored: StoredStream;
  events: SyncEvent[];
}

/** What the pipeline needs of a store, in memory and strict: a change that does not follow on is refused. */
export class MemoryStore {
  readonly streamsById = new Map<string, Kept>();
  readonly commits: StreamChange[] = [];
  quarantined = 0;
  resets = 0;

  asStore(): CheckpointStore {
    return this as unknown as CheckpointStore;
  }

  load(streamId: string): StoredStream | undefined {
    return this.streamsById.get(streamId)?.stored;
  }

  streams(): readonly StoredStream[] {
    return [...this.streamsById.values()].map(({ stored }) => stored);
  }

  commit(changes: readonly StreamChange[]): void {
    for (const change of changes) {
      const known = this.streamsById.get(change.stream_id);
      const at = known?.stored.seq ?? 0n;
      if (change.expected_seq !== at)
        throw new Error(`${change.stream_id}: decided at ${change.expected_seq}, is ${at}`);
      change.events.forEach((event, index) => {
        if (event.seq !== at + BigInt(index + 1)) throw new Error(`${change.stream_id}: ${event.seq} does not follow`);
      });
      const events = [...(known?.events ?? []), ...change.events];
      const { stream_id, epoch, seq, chain } = change;
      const base = { base_seq: 0n, base_chain: genesisChain(stream_id), updated_at_ms: 0 };
      this.streamsById.set(stream_id, { stored: { stream_id, epoch, seq, chain, ...base }, events });
      this.commits.push(change);
    }
  }

  hashAt(streamId: string, epoch: string, seq: bigint) {
    const event = this.streamsById.get(streamId)?.events[Number(seq) - 1];
    return event?.epoch === epoch ? event.payload_hash : undefined;
  }

  seqOf(streamId: string, _epoch: string, key: string) {
    return this.streamsById.get(streamId)?.events.find(({ idempotency_key }) => idempotency_key === key)?.seq;
  }

  resetStream(): never {
    this.resets += 1;
    throw new Error('no stream has to be reset here');
  }

  quarantine(): void {
    this.quarantined += 1;
  }
}
