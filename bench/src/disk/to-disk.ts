import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { applyBatch, initialState, type StreamState } from '@autopilot/apply-engine';
import { type CheckpointStore, openCheckpointStore } from '@autopilot/checkpoint';
import type { SyncEvent } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import type { Contestant, Prepared } from '../measure/in-turns.ts';
import { epoch, streamId } from '../wire/events.ts';
import { followFromStart } from '../wire/follow-from-start.ts';
import { connectOwn } from '../wire/own-client.ts';
import { asSocketReads } from '../wire/socket-reads.ts';
import { openBareTable } from './bare-insert.ts';

/** The same events as batches in memory and as frames, one batch each. */
export interface DiskInput {
  readonly batches: readonly (readonly SyncEvent[])[];
  readonly frames: readonly Uint8Array[];
  readonly events: number;
  /** The chain after the last event. */
  readonly chain: string;
}

const synchronous = 'NORMAL';

/** A prepared insert of better-sqlite3. */
export function bareInsert(
  name: string,
  indexes: Parameters<typeof openBareTable>[1],
  folder: string,
  input: DiskInput,
): Contestant {
  const prepare = (): Prepared => {
    const [file, remove] = freshFile(folder);
    const table = openBareTable(file, indexes);
    return {
      work: () => {
        for (const batch of input.batches) table.write(batch);
      },
      check: () => {
        const rows = table.count();
        table.close();
        remove();
        return rows;
      },
    };
  };
  return { name, prepare };
}

/** From events in memory to a committed checkpoint. */
export function decideAndCommit(name: string, folder: string, input: DiskInput): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const own = await openOwn(folder);
    return {
      work: () => {
        for (const batch of input.batches) own.apply(batch);
      },
      check: () => own.check(input),
    };
  };
  return { name, prepare };
}

/** From the bytes of a frame to a committed checkpoint. */
export function wholeWay(name: string, folder: string, input: DiskInput): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const own = await openOwn(folder);
    const client = await connectOwn({ fanout: 'inbox', answersSubscriptions: true });
    await followFromStart(client);
    client.session.listen((signal) => {
      if (signal.type === 'batch') own.apply(signal.events);
    });
    const frames = asSocketReads(input.frames);
    return {
      work: () => {
        for (const frame of frames) client.host.receive(frame);
      },
      check: async () => {
        await client.close();
        return own.check(input);
      },
    };
  };
  return { name, prepare };
}

interface Own {
  apply(events: readonly SyncEvent[]): void;
  /** How many events are stored. */
  check(input: DiskInput): Promise<number>;
}

async function openOwn(folder: string): Promise<Own> {
  const [file, remove] = freshFile(folder);
  const scope = { environment: 'bench', database: 'bench', account: 'bench' };
  const store: CheckpointStore = await openCheckpointStore({ file, scope, synchronous, ...systemPorts });
  let state: StreamState = { ...initialState(streamId), epoch };
  const applied = { hashAt: (seq: bigint) => store.hashAt(streamId, epoch, seq) };
  return {
    apply: (events) => {
      const { applied: accepted, next } = applyBatch(state, events, { applied });
      const { seq, chain } = next;
      store.commit([{ stream_id: streamId, epoch, expected_seq: state.seq, events: accepted, seq, chain }]);
      state = next;
    },
    check: async (input) => {
      const stored = store.load(streamId);
      await store.close();
      remove();
      if (stored?.chain === input.chain) return Number(stored.seq);
      throw new Error(`The store has ${stored?.seq} of ${input.events} events, with chain ${stored?.chain}.`);
    },
  };
}

function freshFile(folder: string): [file: string, remove: () => void] {
  const own = mkdtempSync(path.join(folder, 'db-'));
  return [path.join(own, 'bench.sqlite'), () => rmSync(own, { recursive: true })];
}
