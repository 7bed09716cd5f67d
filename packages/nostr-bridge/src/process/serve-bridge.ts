import type { Ports } from '@autopilot/sync-contract';
import { isCodedError } from '@autopilot/sync-contract';
import type { Bridge } from '../bridge/bridge.ts';
import { BridgeError } from '../errors.ts';
import type { Journal, JournalPage } from '../outbox/journal.ts';
import type { BridgeCommand, FromBridge, JournalQuestion, ProcessMemory, ToBridge } from './messages.ts';

/** The owner's process, seen from that of the bridge. */
export interface OwnerPort {
  send(message: FromBridge): void;
  /** One listener, which hears everything. */
  listen(heard: (message: ToBridge) => void): void;
  memory(): ProcessMemory;
  /** Ends this process. */
  exit(): void;
}

/** What a bridge is served with. */
export interface ServingParts {
  readonly ports: Ports;
  readonly owner: OwnerPort;
  /** Opens the bridge; it is started here. The journal is the owner's, asked by messages. */
  readonly open: (journal: Journal) => Promise<Bridge>;
  /** Between two signs of life, in milliseconds. */
  readonly beatMs?: number;
  /** What the owner is told along with each: plain data of whatever else the process does. */
  readonly more?: () => unknown;
}

/**
 * Serves a bridge in its process: opens it, tells how it stands, does what the owner asks, and asks the owner's journal.
 * When it cannot be opened, the reason is told and the process ends.
 */
export async function serveBridge({ ports, owner, open, beatMs = 1_000, more }: ServingParts): Promise<void> {
  const questions = new Map<
    number,
    { readonly resolve: (answer: never) => void; readonly reject: (error: Error) => void }
  >();
  let number = 0;
  const ask = <Answer>(question: JournalQuestion): Promise<Answer> =>
    new Promise((resolve, reject) => {
      number += 1;
      questions.set(number, { resolve, reject });
      owner.send({ type: 'question', number, question });
    });
  const journal: Journal = {
    streams: () => ask<readonly string[]>({ ask: 'streams' }),
    read: (stream_id, after, limit) => ask<JournalPage>({ ask: 'read', stream_id, after, limit }),
  };
  let bridge: Bridge;
  try {
    bridge = await open(journal);
    bridge.start();
  } catch (error) {
    owner.send({ type: 'failed', ...told(error) });
    owner.exit();
    return;
  }
  const beat = () => {
    try {
      const [status, memory] = [bridge.status(), owner.memory()];
      owner.send({ type: 'beat', status, memory, ...(more === undefined ? {} : { more: more() }) });
    } catch (error) {
      // A file that cannot be read any more: the owner begins the bridge anew.
      owner.send({ type: 'failed', ...told(error) });
      owner.exit();
      return;
    }
    cancel = ports.scheduler.after(beatMs, beat);
  };
  let cancel = () => {};
  owner.listen((message) => {
    if (message.type === 'command') void obey(bridge, owner, message.number, message.command);
    else if (message.type === 'close') {
      cancel();
      void bridge.close().finally(() => owner.exit());
    } else {
      const question = questions.get(message.number);
      questions.delete(message.number);
      if (message.type === 'unanswered') question?.reject(new BridgeError('journal_failed', message.message));
      else question?.resolve((message.type === 'page' ? message.page : message.streams) as never);
    }
  });
  owner.send({ type: 'ready' });
  beat();
}

async function obey(bridge: Bridge, owner: OwnerPort, number: number, command: BridgeCommand): Promise<void> {
  try {
    owner.send({ type: 'done', number, result: await done(bridge, command) });
  } catch (error) {
    owner.send({ type: 'refused', number, ...told(error) });
  }
}

function done(bridge: Bridge, command: BridgeCommand): unknown {
  switch (command.do) {
    case 'publish':
      return bridge.publish(command.publishing);
    case 'request':
      return bridge.request(command.key, command.request);
    case 'cancel':
      return bridge.cancel(command.request_id);
    case 'announce':
      return bridge.announce(command.announcement);
    case 'note-paid':
      return bridge.notePaid(command.role, command.request_id, command.provider);
    case 'quotes':
      return bridge.quotes(command.request_id);
  }
}

function told(error: unknown): { readonly code: string; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  return { code: isCodedError(error) ? error.code : 'internal', message };
}
