import { applyBatch, initialState, type StreamState } from '@autopilot/apply-engine';
import type { Session } from '@autopilot/session';
import type { SyncEvent } from '@autopilot/sync-contract';
import type { Contestant, Prepared } from '../measure/in-turns.ts';
import { epoch, streamId } from './events.ts';
import { decodeLogRow } from './log-row.ts';
import { type Binding, connectOfficial } from './official-client.ts';
import { connectOwn, firstSubscription, followFromStart, liveSet, type OwnClient } from './own-client.ts';
import { subscribeApplied } from './server-frames.ts';
import { asSocketReads } from './socket-reads.ts';

/** Frames, and what all of them together bring. */
export interface Input {
  readonly frames: readonly Uint8Array[];
  readonly rows: number;
  /** The chain after the last event. */
  readonly chain: string;
}

/** What is done with the rows of a subscription: handed over as bytes, decoded, or decoded and applied as a stream. */
export type OwnWork = 'bytes' | 'rows' | 'applied';

/** The official client: frame to cache and onInsert. */
export function official(
  name: string,
  binding: Binding,
  querySetId: number,
  snapshot: boolean,
  input: Input,
): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOfficial(binding, querySetId);
    if (!snapshot) client.receive(subscribeApplied(querySetId, querySetId, binding.table));
    return {
      work: () => {
        for (const frame of input.frames) client.receive(frame);
      },
      check: () => {
        const { told, kept } = client;
        if (told === input.rows && kept === (binding.event ? 0 : input.rows)) return;
        throw new Error(`The official client told of ${told} rows and keeps ${kept} of ${input.rows}.`);
      },
    };
  };
  return { name, prepare };
}

/** The session with a subscription to a table: frame to counted rows and the batch handler. */
export function subscribed(name: string, work: OwnWork, snapshot: boolean, input: Input): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOwn();
    const seen = work === 'applied' ? appliedRows(client.session) : countedRows(client.session, work);
    if (!snapshot) {
      client.receive(subscribeApplied(firstSubscription, firstSubscription, 'event_log'));
    }
    return preparedOwn(client, input, seen);
  };
  return { name, prepare };
}

/** The session with a followed stream: frame to merged, verified, chained events. */
export function followed(name: string, input: Input): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOwn();
    const { session } = client;
    await followFromStart(session, streamId);
    const applied = new Applied();
    session.listen((signal) => {
      if (signal.type === 'batch') applied.take(signal.events);
    });
    return preparedOwn(client, input, applied);
  };
  return { name, prepare };
}

/** The query set that {@link followed} and {@link subscribed} read. */
export const querySets = { followed: liveSet, subscribed: firstSubscription } as const;

interface Seen {
  readonly rows: number;
  /** Undefined where nothing is chained. */
  readonly chain: string | undefined;
}

function preparedOwn(client: OwnClient, input: Input, seen: Seen): Prepared {
  const frames = asSocketReads(input.frames);
  return {
    work: () => {
      for (const frame of frames) client.receive(frame);
    },
    check: async () => {
      const { rows, chain } = seen;
      const errors = client.session.status().counters.listener_errors;
      await client.close();
      if (rows === input.rows && errors === 0 && (chain === undefined || chain === input.chain)) return;
      throw new Error(`The session brought ${rows} of ${input.rows} rows, with ${errors} errors, to chain ${chain}.`);
    },
  };
}

function countedRows(session: Session, work: 'bytes' | 'rows'): Seen {
  const seen = { rows: 0, chain: undefined };
  const batch = ({ changes }: { readonly changes: readonly { readonly inserts: readonly unknown[] }[] }) => {
    for (const { inserts } of changes) seen.rows += inserts.length;
  };
  const queries = ['SELECT * FROM event_log'];
  if (work === 'bytes') session.subscribe(queries, { batch });
  else session.subscribe(queries, { batch }, (_table, row) => decodeLogRow(row));
  return seen;
}

function appliedRows(session: Session): Seen {
  const applied = new Applied();
  session.subscribe<SyncEvent>(
    ['SELECT * FROM event_log'],
    {
      batch: ({ changes }) => {
        for (const { inserts } of changes) applied.take(inserts);
      },
    },
    (_table, row) => ({ ...decodeLogRow(row), epoch }),
  );
  return applied;
}

class Applied implements Seen {
  #state: StreamState = { ...initialState(streamId), epoch };

  get rows(): number {
    return Number(this.#state.seq);
  }

  get chain(): string {
    return this.#state.chain;
  }

  take(events: readonly SyncEvent[]): void {
    if (events.length > 0) this.#state = applyBatch(this.#state, events).next;
  }
}
