import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ScriptedDecision } from './recorded-session.ts';

/** One line of a recording. */
export interface RecordedLine {
  /** Milliseconds since the process was started. */
  readonly at_ms: number;
  readonly direction: 'from-server' | 'to-server';
  /** The JSON message as it stood on the wire, except for {@link leftOut}. */
  readonly message: unknown;
}

/** The members that say which machine recorded: their text is replaced by `(left out)`. Nothing else is changed. */
const leftOut: readonly string[] = ['userAgent', 'serverName', 'installationId'];

interface WireMessage {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Drives one `codex app-server` over stdio and keeps every line of both directions. */
export class AppServerRecording {
  readonly lines: RecordedLine[] = [];
  readonly #process: ChildProcess;
  readonly #started = performance.now();
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #turnWaiters = new Map<string, () => void>();
  readonly #decide: (command: string) => ScriptedDecision;
  readonly #exited: Promise<string>;
  #lastId = 0;

  constructor(options: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    /** The answer to an approval request, by the command line it asks for. */
    decide(command: string): ScriptedDecision;
  }) {
    this.#decide = options.decide;
    const child = spawn(options.command, options.args, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
    this.#process = child;
    child.stderr.resume();
    this.#exited = new Promise((resolve) =>
      child.on('close', (code, signal) => {
        for (const waiting of this.#pending.values())
          waiting.reject(new Error(`The server ended (${code ?? signal}).`));
        resolve(`${code ?? signal}`);
      }),
    );
    createInterface({ input: child.stdout }).on('line', (line) => this.#receive(line));
  }

  /** Sends a request; rejects with the error of the answer. */
  request(method: string, params: object): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  notify(method: string): void {
    this.#send({ method });
  }

  /** Resolves at the next `turn/completed` of a thread. */
  nextTurnCompleted(threadId: string): Promise<void> {
    return new Promise((resolve) => this.#turnWaiters.set(threadId, resolve));
  }

  /** Closes the input, which ends the server; resolves with its exit code or signal. */
  close(): Promise<string> {
    this.#process.stdin?.end();
    return this.#exited;
  }

  #send(message: object): void {
    this.#keep('to-server', message);
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  #keep(direction: RecordedLine['direction'], message: unknown): void {
    const at_ms = Math.round(performance.now() - this.#started);
    this.lines.push({ at_ms, direction, message: leaveOutMachine(message) });
  }

  #receive(line: string): void {
    const message = JSON.parse(line) as WireMessage;
    this.#keep('from-server', message);
    if (message.method !== undefined && message.id !== undefined) this.#answer(message.id, message);
    if (message.method === 'turn/completed') this.#turnWaiters.get(String(message.params?.threadId))?.();
    if (message.method !== undefined || typeof message.id !== 'number') return;
    const waiting = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new Error(JSON.stringify(message.error)));
  }

  #answer(id: number | string, message: WireMessage): void {
    if (message.method !== 'item/commandExecution/requestApproval') {
      this.#send({ id, error: { code: -32601, message: 'This client does not answer that.' } });
      return;
    }
    const decision = this.#decide(String(message.params?.command));
    // A person reads before answering.
    setTimeout(() => this.#send({ id, result: { decision } }), 250);
  }
}

function leaveOutMachine(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message), (key, value) => (leftOut.includes(key) ? '(left out)' : value));
}
