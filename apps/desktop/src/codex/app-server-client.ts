import type { Cancel, Scheduler } from '@autopilot/sync-contract';
import {
  type ApprovalDecision,
  type ApprovalPolicy,
  answerFor,
  isApproval,
  type ServerRequest,
} from './approval-policy.ts';
import { CodexError } from './errors.ts';
import type { Child, ChildRequest, SpawnChild } from './process-port.ts';
import type { WireMessage } from './wire-log.ts';

/** What an {@link AppServerClient} tells its owner. */
export interface AppServerObserver {
  /** Every message of both directions, before it is acted upon or sent. What it throws ends the client. */
  message(direction: 'from-server' | 'to-server', message: WireMessage, text: string): void;
  notification(method: string, params: unknown): void;
  /** A person's request was answered. */
  answered(request: ServerRequest, decision: ApprovalDecision): void;
  /** The server is gone; every pending request has been rejected. Called once. */
  ended(error: CodexError): void;
}

/** Options of {@link AppServerClient}. */
export interface AppServerOptions {
  readonly spawn: SpawnChild;
  readonly child: ChildRequest;
  readonly scheduler: Scheduler;
  readonly policy: ApprovalPolicy;
  readonly observer: AppServerObserver;
  /** Milliseconds a request may take. */
  readonly requestTimeoutMs: number;
}

interface Pending {
  readonly method: string;
  readonly cancel: Cancel;
  resolve(result: unknown): void;
  reject(error: CodexError): void;
}

/** One `codex app-server` process, spoken to in JSON lines over its standard streams. */
export class AppServerClient {
  readonly #options: AppServerOptions;
  readonly #child: Child;
  readonly #pending = new Map<number, Pending>();
  readonly #gone = Promise.withResolvers<void>();
  #lastId = 0;
  #ended = false;

  constructor(options: AppServerOptions) {
    this.#options = options;
    this.#child = options.spawn(options.child, {
      line: (text) => this.#guard(() => this.#receive(text)),
      ended: (reason) => {
        this.#end(new CodexError('server_gone', `The Codex app-server ended (${reason}).`));
        this.#gone.resolve();
      },
    });
  }

  /**
   * Sends a request and resolves with its result. Rejects with {CodexError} `request_timeout`, `request_refused` (with
   * `details.error`, what the server answered) or `server_gone`.
   */
  request(method: string, params: object): Promise<unknown> {
    if (this.#ended) return Promise.reject(new CodexError('server_gone', `${method} was not sent: no server.`));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const cancel = this.#options.scheduler.after(this.#options.requestTimeoutMs, () => {
        this.#pending.delete(id);
        const seconds = this.#options.requestTimeoutMs / 1000;
        reject(new CodexError('request_timeout', `Codex did not answer ${method} within ${seconds} s.`));
      });
      this.#pending.set(id, { method, cancel, resolve, reject });
      this.#guard(() => this.#send({ id, method, params }));
    });
  }

  notify(method: string): void {
    this.#guard(() => this.#send({ method }));
  }

  /** Closes the server's input, kills it when it stays, and resolves when it is gone. */
  async close(graceMs: number): Promise<void> {
    this.#child.closeInput();
    const cancel = this.#options.scheduler.after(graceMs, () => this.#child.kill());
    await this.#gone.promise;
    cancel();
  }

  #send(message: WireMessage): void {
    if (this.#ended) return;
    const text = JSON.stringify(message);
    this.#options.observer.message('to-server', message, text);
    this.#child.write(text);
  }

  #receive(text: string): void {
    if (this.#ended || text.trim() === '') return;
    const message = JSON.parse(text) as WireMessage | null;
    if (typeof message !== 'object' || message === null) throw new Error('a line that is no object');
    this.#options.observer.message('from-server', message, text);
    const { id, method, params } = message;
    if (method !== undefined && id !== undefined) {
      // Ids of the server start at 0.
      void this.#answer({ id, method, params });
    } else if (method !== undefined) this.#options.observer.notification(method, params);
    else if (typeof id === 'number') this.#settle(id, message);
  }

  #settle(id: number, { result, error }: WireMessage): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.cancel();
    if (error === undefined) pending.resolve(result);
    else {
      const said = (error as { readonly message?: unknown } | null)?.message;
      const message = `Codex refused ${pending.method}: ${typeof said === 'string' ? said : 'no reason given'}`;
      pending.reject(new CodexError('request_refused', message, { details: { error } }));
    }
  }

  async #answer(request: ServerRequest): Promise<void> {
    let decision: ApprovalDecision = 'decline';
    try {
      if (isApproval(request.method)) decision = await this.#options.policy(request);
    } catch {
      // A policy that fails has not consented.
    }
    const answer = answerFor(request, decision);
    this.#guard(() => this.#send({ id: request.id, ...answer }));
    const said = 'result' in answer ? (answer.result as { readonly decision?: unknown }).decision : undefined;
    this.#options.observer.answered(request, said === 'accept' ? 'accept' : 'decline');
  }

  /** What cannot be journalled or understood must not go on unseen: the server is ended. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (cause) {
      const error =
        cause instanceof CodexError
          ? cause
          : new CodexError('server_gone', 'The Codex app-server wrote a line that is no message.', { cause });
      this.#end(error);
      this.#child.kill();
    }
  }

  #end(error: CodexError): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const pending of this.#pending.values()) {
      pending.cancel();
      pending.reject(error);
    }
    this.#pending.clear();
    this.#options.observer.ended(error);
  }
}
