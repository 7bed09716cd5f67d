import type { Session } from '@autopilot/session';
import type { Contestant, Prepared } from '../measure/in-turns.ts';
import { Applied } from './applied.ts';
import { epoch, streamId } from './events.ts';
import { followFromStart } from './follow-from-start.ts';
import { decodeLogRow } from './log-row.ts';
import type { Binding } from './official-bindings.ts';
import { connectOfficial } from './official-client.ts';
import { connectOwn, type OwnClient } from './own-client.ts';
import { subscribeApplied } from './server-frames.ts';
import { asSocketReads } from './socket-reads.ts';

/** Frames, and what all of them together bring. */
export interface Input {
  readonly frames: readonly Uint8Array[];
  readonly rows: number;
  /** The chain after the last event. */
  readonly chain: string;
}

/** The query set of the first subscription of a session, and the request that asks for it. */
export const firstSubscription = 2;

/** The official client: frame to cache and onInsert. @param snapshot Whether the frames begin with SubscribeApplied. */
export function official(name: string, binding: Binding, snapshot: boolean, input: Input): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOfficial(binding, firstSubscription);
    if (!snapshot) client.receive(subscribeApplied(firstSubscription, firstSubscription, binding.table));
    return {
      work: () => {
        for (const frame of input.frames) client.receive(frame);
      },
      check: () => {
        const { told, kept } = client;
        if (kept === (binding.event ? 0 : told)) return told;
        throw new Error(`The official client told of ${told} rows and keeps ${kept}.`);
      },
    };
  };
  return { name, prepare };
}

/** The session with a subscription to a table: frame to counted rows and the batch handler, as bytes or decoded. */
export function subscribed(name: string, work: 'bytes' | 'decoded', snapshot: boolean, input: Input): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOwn({ fanout: 'inbox', answersSubscriptions: false });
    const seen = countRows(client.session, work);
    if (!snapshot) client.host.receive(subscribeApplied(firstSubscription, firstSubscription, 'event_log'));
    return preparedOwn(client, input, seen);
  };
  return { name, prepare };
}

/** The session with a followed stream that is caught up: frame to merged, verified, chained events. */
export function followed(name: string, fanout: 'inbox' | 'public', input: Input): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOwn({ fanout, answersSubscriptions: true });
    await followFromStart(client);
    return preparedOwn(client, input, applyBatches(client.session));
  };
  return { name, prepare };
}

/** The session with a stream that it has to read from its beginning, in pages: frame to verified, chained events. */
export function replayed(name: string, input: Input): Contestant {
  const prepare = async (): Promise<Prepared> => {
    const client = await connectOwn({ fanout: 'inbox', pages: input.frames, answersSubscriptions: true });
    const applied = applyBatches(client.session);
    return {
      work: () => {
        client.session.follow(streamId, { epoch, seq: 0n });
        client.host.answer();
      },
      check: () => checkOwn(client, input, applied),
    };
  };
  return { name, prepare };
}

interface Seen {
  readonly rows: number;
  /** Undefined where nothing is chained. */
  readonly chain: string | undefined;
}

function preparedOwn(client: OwnClient, input: Input, seen: Seen): Prepared {
  const frames = asSocketReads(input.frames);
  return {
    work: () => {
      for (const frame of frames) client.host.receive(frame);
    },
    check: () => checkOwn(client, input, seen),
  };
}

async function checkOwn(client: OwnClient, input: Input, { rows, chain }: Seen): Promise<number> {
  const errors = client.session.status().counters.listener_errors;
  await client.close();
  if (errors === 0 && (chain === undefined || chain === input.chain)) return rows;
  throw new Error(`The session brought ${rows} of ${input.rows} rows, with ${errors} errors, to chain ${chain}.`);
}

function countRows(session: Session, work: 'bytes' | 'decoded'): Seen {
  const seen = { rows: 0, chain: undefined };
  const batch = ({ changes }: { readonly changes: readonly { readonly inserts: { readonly length: number } }[] }) => {
    for (const { inserts } of changes) seen.rows += inserts.length;
  };
  const queries = ['SELECT * FROM event_log'];
  if (work === 'bytes') session.subscribe(queries, { batch });
  else session.subscribe(queries, { batch }, (_table, row) => decodeLogRow(row));
  return seen;
}

function applyBatches(session: Session): Seen {
  const applied = new Applied();
  session.listen((signal) => {
    if (signal.type === 'batch') applied.take(signal.events);
  });
  return applied;
}
