import type { Cancel, Socket, SocketFactory } from '@autopilot/sync-contract';
import type { KhalaFrameError } from '../wire/decode-error.ts';
import { decodeKhalaFrame } from '../wire/decode-frame.ts';
import type { KhalaFrame, KhalaReply } from '../wire/frame.ts';
import { type Close, closeOfStatus } from './close-reasons.ts';
import type { Environment } from './environment.ts';

/** The one channel of dialect A. */
const channelTopic = 'sync:v1';

/** What a channel tells its owner. Nothing more after `ended`. */
export interface ChannelHandlers {
  joined(allowedTopics: readonly string[]): void;
  frame(frame: Exclude<KhalaFrame, { type: 'reply' }>): void;
  undecodable(error: KhalaFrameError): void;
  ended(close: Close): void;
}

/** The times of a channel, milliseconds. */
export interface ChannelTimes {
  readonly heartbeatMs: number;
  readonly watchdogMs: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly closeTimeoutMs: number;
}

interface Waiting {
  readonly done: (reply: KhalaReply) => void;
  readonly cancel: Cancel;
}

/** One websocket with the Phoenix channel on it: joins, asks, beats, and notices when nobody is there any more. */
export class KhalaChannel {
  readonly #env: Environment;
  readonly #handlers: ChannelHandlers;
  readonly #times: ChannelTimes;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, Waiting>();
  /** Resolves when the socket is gone. */
  readonly gone: Promise<void>;
  #resolveGone: () => void = () => {};
  #over = false;
  #refs = 0;
  #joinRef: string | null = null;
  #cancelConnect: Cancel;
  #cancelBeat: Cancel = () => {};
  #cancelWatchdog: Cancel = () => {};
  #cancelLinger: Cancel = () => {};

  constructor(env: Environment, open: SocketFactory, url: string, times: ChannelTimes, handlers: ChannelHandlers) {
    this.#env = env;
    this.#handlers = handlers;
    this.#times = times;
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.#cancelConnect = env.after(times.connectTimeoutMs, () =>
      this.end({ code: 'connect_timeout', message: `The channel was not joined within ${times.connectTimeoutMs} ms.` }),
    );
    const turn = (task: () => void): void => env.outbox.turn(task);
    this.#socket = open(
      { url, protocols: [], headers: {} },
      {
        opened: () => turn(() => this.#opened()),
        message: (data) => turn(() => this.#message(data)),
        alive: () => turn(() => this.#alive()),
        refused: (status, body, retryAfterMs) =>
          turn(() => {
            this.#left();
            this.#finish(closeOfStatus(status, body, retryAfterMs));
          }),
        closed: (code, reason) =>
          turn(() => {
            this.#left();
            const why = reason === '' ? '' : `: ${reason.slice(0, 200)}`;
            this.#finish({ code: 'network', message: `The connection ended with ${code}${why}` });
          }),
      },
    );
  }

  get open(): boolean {
    return !this.#over;
  }

  /** Sends a request; `done` hears the answer unless the channel ends before. No answer in time ends the channel. */
  ask(event: string, payload: unknown, done: (reply: KhalaReply) => void): void {
    if (this.#over) return;
    this.#refs += 1;
    const ref = String(this.#refs);
    const cancel = this.#env.after(this.#times.requestTimeoutMs, () =>
      this.end({ code: 'no_answer', message: `${event} was not answered in ${this.#times.requestTimeoutMs} ms.` }),
    );
    this.#waiting.set(ref, { done, cancel });
    if (event === 'phx_join') this.#joinRef = ref;
    this.#socket.send(JSON.stringify([event === 'phx_join' ? null : this.#joinRef, ref, channelTopic, event, payload]));
  }

  /** Ends the channel and drops the socket. */
  end(close: Close): void {
    if (this.#over) return;
    this.#socket.terminate();
    this.#finish(close);
  }

  /** Ends the channel in good order; a server that does not answer is dropped. */
  close(): void {
    if (!this.#over) {
      this.#over = true;
      this.#stopTimers();
    }
    this.#cancelLinger = this.#env.after(this.#times.closeTimeoutMs, () => {
      this.#socket.terminate();
      this.#left();
    });
    this.#socket.close(1000, '');
  }

  #opened(): void {
    if (this.#over) return;
    this.#alive();
    this.ask('phx_join', {}, (reply) => {
      if (reply.status === 'error') {
        this.end(closeOfJoin(reply));
      } else if (reply.kind !== 'joined') {
        this.end({ code: 'protocol_error', message: `The join was answered as ${reply.kind}.` });
      } else {
        this.#cancelConnect();
        this.#beat();
        this.#handlers.joined(reply.allowed_topics);
      }
    });
  }

  #message(data: Uint8Array): void {
    if (this.#over) return;
    this.#alive();
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(data);
    } catch {
      this.#handlers.undecodable({
        type: 'undecodable',
        code: 'not_utf8',
        path: '',
        message: 'The message is not UTF-8.',
        excerpt: '',
        twin: false,
      });
      return;
    }
    const frame = decodeKhalaFrame(text);
    if (frame.type === 'undecodable') this.#handlers.undecodable(frame);
    else if (frame.type === 'reply') this.#answered(frame.ref, frame.reply);
    else this.#handlers.frame(frame);
  }

  #answered(ref: string | null, reply: KhalaReply): void {
    const waiting = ref === null ? undefined : this.#waiting.get(ref);
    if (ref === null || waiting === undefined) {
      this.#env.counters.stale_callbacks += 1;
      return;
    }
    this.#waiting.delete(ref);
    waiting.cancel();
    waiting.done(reply);
  }

  #beat(): void {
    this.#cancelBeat = this.#env.after(this.#times.heartbeatMs, () => {
      this.ask('sync:heartbeat', {}, () => {});
      this.#beat();
    });
  }

  #alive(): void {
    this.#cancelWatchdog();
    if (this.#over) return;
    this.#cancelWatchdog = this.#env.after(this.#times.watchdogMs, () =>
      this.end({ code: 'silent', message: `Nothing came for ${this.#times.watchdogMs} ms.` }),
    );
  }

  #finish(close: Close): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimers();
    // A socket that was dropped reports its end later, or never.
    this.#resolveGone();
    this.#handlers.ended(close);
  }

  #stopTimers(): void {
    this.#cancelConnect();
    this.#cancelBeat();
    this.#cancelWatchdog();
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  #left(): void {
    this.#cancelLinger();
    this.#resolveGone();
  }
}

function closeOfJoin(reply: Extract<KhalaReply, { status: 'error' }>): Close {
  const { error } = reply;
  switch (error.code) {
    case 'other':
      return { code: 'join_refused', message: `The join was refused: ${error.name.slice(0, 100)}.` };
    case 'reauth_required':
      return { code: 'reauth_required', message: `Khala asks for a new sign-in: ${error.reason}.` };
    case 'stale_cursor':
    case 'slow_consumer':
      return { code: 'join_refused', message: `The join was refused: ${error.code}.` };
    case 'bad_topic':
    case 'bad_subscription':
    case 'forbidden_topic':
      return { code: error.code, message: `The join was refused: ${error.code}.` };
    default: {
      const { min_client_build_id: min, max_client_build_id: max, protocol_version: protocol } = error;
      const schemas = `${error.min_schema_version ?? '?'}..${error.max_schema_version ?? '?'}`;
      const window = `builds ${min ?? '?'}..${max ?? ''}, protocol ${protocol ?? '?'}, schemas ${schemas}`;
      return { code: error.code, message: `Khala refuses this client: ${error.code} (${window}).` };
    }
  }
}
