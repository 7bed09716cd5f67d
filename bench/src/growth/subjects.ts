import { Applied } from '../wire/applied.ts';
import { followFromStart } from '../wire/follow-from-start.ts';
import { firstSubscription } from '../wire/in-memory.ts';
import { connectOfficial } from '../wire/official-client.ts';
import { connectOwn } from '../wire/own-client.ts';
import { liveSet } from '../wire/scripted-host.ts';
import { subscribeApplied } from '../wire/server-frames.ts';

/** One whose memory is watched. */
export interface Subject {
  /** What its frames carry: rows of an event table, or of one that is kept. */
  readonly kind: 'event' | 'kept';
  readonly querySetId: number;
  receive(frame: Uint8Array): void;
  /** Events that it has dealt with. */
  readonly seen: number;
  close(): Promise<void>;
}

export const subjectNames = ['session and apply-engine', 'official, event table', 'official, primary key'] as const;

/** One of {@link subjectNames}. */
export type SubjectName = (typeof subjectNames)[number];

/** Connects one of them to a transport of this process. */
export async function connectSubject(name: SubjectName): Promise<Subject> {
  return name === 'session and apply-engine' ? own() : official(name === 'official, event table');
}

async function own(): Promise<Subject> {
  const client = await connectOwn({ fanout: 'inbox', answersSubscriptions: true });
  await followFromStart(client);
  const applied = new Applied();
  client.session.listen((signal) => {
    if (signal.type === 'batch') applied.take(signal.events);
  });
  return {
    kind: 'event',
    querySetId: liveSet,
    receive: (frame) => client.host.receive(frame),
    get seen() {
      return applied.rows;
    },
    close: () => client.close(),
  };
}

async function official(event: boolean): Promise<Subject> {
  const client = await connectOfficial({ table: 'live_inbox', primaryKey: !event, event }, firstSubscription);
  client.receive(subscribeApplied(firstSubscription, firstSubscription, 'live_inbox'));
  return {
    kind: event ? 'event' : 'kept',
    querySetId: firstSubscription,
    receive: (frame) => client.receive(frame),
    get seen() {
      return client.told;
    },
    close: async () => {},
  };
}
