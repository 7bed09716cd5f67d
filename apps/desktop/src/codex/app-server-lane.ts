import { type BackoffPolicy, backoffDelay, type Cancel, type Ports } from '@autopilot/sync-contract';
import { AppServerClient } from './app-server-client.ts';
import type { ApprovalPolicy } from './approval-policy.ts';
import { newBootId } from './boot-id.ts';
import { CodexError } from './errors.ts';
import type { Journal } from './journal.ts';
import type { LaneState } from './lane-state.ts';
import type { ChildRequest, SpawnChild } from './process-port.ts';
import { WireLog } from './wire-log.ts';

/** Options of {@link AppServerLane}. */
export interface AppServerLaneOptions {
  readonly journal: Journal;
  readonly state: LaneState;
  readonly ports: Ports;
  readonly spawn: SpawnChild;
  readonly child: ChildRequest;
  readonly policy: ApprovalPolicy;
  readonly prompt: string;
  /** Members of `thread/start` beside the working folder, e.g. `model` and `modelProvider`. */
  readonly thread: Readonly<Record<string, string>>;
  readonly requestTimeoutMs: number;
  readonly maxRestarts: number;
}

/** What the lane reads of the notifications about a turn. */
interface TurnNews {
  readonly threadId?: string;
  readonly turn?: { readonly status?: string; readonly error?: { readonly message?: string } | null };
  readonly error?: { readonly message?: string };
  readonly willRetry?: boolean;
}

const restartBackoff: BackoffPolicy = { floorMs: 250, baseMs: 500, capMs: 10_000 };
const closeGrace = 3000;

/** Keeps one app-server running for one prompt: starts it, starts it again when it goes, gives up after a while. */
export class AppServerLane {
  readonly #options: AppServerLaneOptions;
  #client: AppServerClient | undefined;
  #threadId: string | undefined;
  #turnSent = false;
  /** Stays true of the turn when Codex itself is started again. */
  #turnError: CodexError | undefined;
  #restarts = 0;
  #stopping = false;
  #cancel: Cancel = () => {};

  constructor(options: AppServerLaneOptions) {
    this.#options = options;
    this.#start();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancel();
    await this.#client?.close(closeGrace);
  }

  #start(): void {
    const { journal, state, ports, spawn, child, policy, requestTimeoutMs } = this.#options;
    const log = new WireLog(newBootId(ports.random));
    const client = new AppServerClient({
      spawn,
      child,
      policy,
      requestTimeoutMs,
      scheduler: ports.scheduler,
      observer: {
        message: (direction, message, text) => {
          journal.append(log.draft(direction, message, text));
          state.countMessages(1);
        },
        notification: (method, params) => this.#notified(method, (params ?? {}) as TurnNews),
        answered: (request, decision) => {
          state.countApproval(decision === 'accept' ? 'accepted' : 'declined');
          if (decision === 'decline') state.note(`Declined: ${describeRequest(request.params) ?? request.method}`);
        },
        ended: (error) => this.#ended(error),
      },
    });
    this.#client = client;
    this.#begin(client).catch((error: unknown) => {
      // The end of the server is reported by itself; everything else would not go better a second time.
      if (error instanceof CodexError && error.code === 'server_gone') return;
      state.go('error', error);
      void client.close(closeGrace);
    });
  }

  #notified(method: string, { threadId, turn, error, willRetry }: TurnNews): void {
    const { state } = this.#options;
    if (threadId !== this.#threadId) return;
    if (method === 'error' && willRetry === true)
      state.note(`Codex tries again: ${error?.message ?? 'no reason given'}`);
    if (method !== 'turn/completed') return;
    // Only what says that it went well has gone well.
    if (turn?.status === 'completed') state.countCompleted();
    else {
      const why = turn?.error?.message ?? 'no reason given';
      this.#turnError = new CodexError('turn_failed', `Codex ended the turn as ${turn?.status ?? 'unknown'}: ${why}`);
      state.go('ready', this.#turnError);
    }
    state.finish();
  }

  async #begin(client: AppServerClient): Promise<void> {
    const { state, child, thread, prompt } = this.#options;
    await client.request('initialize', {
      clientInfo: { name: 'autopilot-desktop', title: 'Autopilot', version: '0.1.0' },
      capabilities: { experimentalApi: false, requestAttestation: false },
    });
    client.notify('initialized');
    if (this.#threadId !== undefined && this.#turnSent) {
      // Commands of the interrupted turn have run: sending the prompt again would run them twice.
      await client.request('thread/resume', { threadId: this.#threadId, excludeTurns: true });
      state.note('Codex ended, was started again, and resumed the thread.');
      const cut = 'Codex ended in the middle of the turn. It was not sent again: what ran of it has run.';
      const outcome = state.get().finished ? this.#turnError : new CodexError('turn_failed', cut);
      state.go('ready', outcome);
      this.#turnError = outcome;
      state.finish();
      return;
    }
    const fields = { cwd: child.cwd, approvalPolicy: 'untrusted', sandbox: 'workspace-write', ...thread };
    const started = (await client.request('thread/start', fields)) as { readonly thread?: { readonly id?: unknown } };
    const id = started.thread?.id;
    if (typeof id !== 'string')
      throw new CodexError('request_refused', 'Codex answered thread/start without a thread.');
    this.#threadId = id;
    state.go('ready');
    this.#turnSent = true;
    await client.request('turn/start', { threadId: id, input: [{ type: 'text', text: prompt, text_elements: [] }] });
  }

  #ended(error: CodexError): void {
    const { state, ports, maxRestarts } = this.#options;
    if (this.#stopping || state.get().state === 'error') return;
    if (error.code === 'journal_unusable') {
      state.go('error', error);
      return;
    }
    if (this.#restarts >= maxRestarts) {
      const message = `Codex ended ${this.#restarts + 1} times; the last time: ${error.message}`;
      state.go('error', new CodexError('restarts_exhausted', message, { cause: error }));
      return;
    }
    state.go('disconnected', error);
    const wait = backoffDelay(restartBackoff, this.#restarts, ports.random);
    this.#restarts += 1;
    this.#cancel = ports.scheduler.after(wait, () => {
      state.go('starting');
      this.#start();
    });
  }
}

function describeRequest(params: unknown): string | undefined {
  const { command } = (params ?? {}) as { readonly command?: unknown };
  return typeof command === 'string' ? command.slice(0, 200) : undefined;
}
