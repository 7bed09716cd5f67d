import type { SocketFactory, SocketHandlers } from '@autopilot/sync-contract';
import { BinaryReader } from 'spacetimedb';
import { epoch, streamId } from './events.ts';
import { headsAnswer, initialConnection, pageAnswer, setRequestId, subscribeApplied } from './server-frames.ts';

/** The query set of the live queries of a session: its first one. */
export const liveSet = 1;

/** How the host answers. */
export interface Script {
  /** How new events of its stream are heard of. */
  readonly fanout: 'inbox' | 'public';
  /** Pages of its stream, in order; without any, the stream is empty. */
  readonly pages?: readonly Uint8Array[];
  /** Subscriptions are answered without rows, but for those of the owner: their answer is among the frames to come. */
  readonly answersSubscriptions: boolean;
}

/**
 * The other side of a session's socket, in this process. What the session asks for is answered before the next frame
 * comes, as on a socket.
 */
export class ScriptedHost {
  readonly #script: Script;
  readonly #answers: Uint8Array[] = [];
  #handlers: SocketHandlers | undefined;
  #page = 0;

  constructor(script: Script) {
    this.#script = script;
  }

  readonly socket: SocketFactory = (_request, handlers) => {
    this.#handlers = handlers;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      queueMicrotask(() => handlers.closed(1000, ''));
    };
    queueMicrotask(() => {
      handlers.opened('v3.bsatn.spacetimedb');
      this.receive(initialConnection());
      this.answer();
    });
    return {
      send: (data) => {
        if (typeof data === 'string') throw new Error('The protocol has no text frames.');
        const answer = this.#answerTo(data);
        if (answer !== undefined) this.#answers.push(answer);
      },
      bufferedBytes: 0,
      close: end,
      terminate: end,
    };
  };

  /** Hands one frame over, after what was asked for before it. */
  receive(frame: Uint8Array): void {
    if (this.#answers.length > 0) this.answer();
    this.#handlers?.message(frame);
  }

  /** Hands over what was asked for, and what is asked for then. */
  answer(): void {
    for (let next = this.#answers.shift(); next !== undefined; next = this.#answers.shift()) {
      this.#handlers?.message(next);
    }
  }

  #answerTo(data: Uint8Array): Uint8Array | undefined {
    const reader = new BinaryReader(data);
    const [tag, requestId] = [reader.readU8(), reader.readU32()];
    if (tag === 0) {
      const querySetId = reader.readU32();
      const isAnswered = querySetId === liveSet || this.#script.answersSubscriptions;
      return isAnswered ? subscribeApplied(requestId, querySetId, '') : undefined;
    }
    if (tag !== 4) return undefined;
    reader.readU8();
    const procedure = reader.readString();
    // Asked from time to time: without an answer the session takes the connection for dead.
    if (procedure === 'read_heads') return setRequestId(headsAnswer(streamId, epoch), requestId);
    if (procedure !== 'open_stream' && procedure !== 'read_page') return undefined;
    const { pages = [], fanout } = this.#script;
    const page = pages[this.#page] ?? pageAnswer({ epoch, head: 0n, fanout, rows: undefined, more: false });
    this.#page += 1;
    return setRequestId(page, requestId);
  }
}
