import type { Cancel, HttpClient, HttpResponse, Ports, SocketFactory } from '@autopilot/sync-contract';
import { seededRandom } from '../fake-host/seeded-random.ts';
import type { Sim } from '../fake-host/sim.ts';
import type { Machine } from './machine.ts';

/** One life of the client's program: what it has of the machine is gone with it. */
export class Process {
  readonly ports: Ports;
  readonly #sim: Sim;
  readonly #machine: Machine;
  readonly #timers = new Set<{ cancel: Cancel }>();
  readonly #sockets = new Set<() => void>();
  #requests = 0;
  #alive = true;

  constructor(sim: Sim, machine: Machine, seed: number) {
    this.#sim = sim;
    this.#machine = machine;
    const next = seededRandom(seed);
    this.ports = {
      clock: { now: () => machine.now(), monotonic: () => machine.monotonic() },
      random: { next, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) },
      scheduler: { after: (milliseconds, task) => this.#after(milliseconds, task) },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** What is left running: timers, sockets that have not reported their end, requests without an answer. */
  get left(): { readonly timers: number; readonly sockets: number; readonly requests: number } {
    return { timers: this.#timers.size, sockets: this.#sockets.size, requests: this.#requests };
  }

  /** A socket factory whose sockets belong to this process. */
  socket(inner: SocketFactory): SocketFactory {
    return (request, handlers) => {
      const run = (task: () => void) => {
        if (this.#alive) this.#machine.run(() => this.#alive && task());
      };
      const terminate = () => socket.terminate();
      const over = () => this.#sockets.delete(terminate);
      const socket = inner(request, {
        opened: (protocol) => run(() => handlers.opened(protocol)),
        message: (data) => run(() => handlers.message(data)),
        alive: () => run(() => handlers.alive()),
        refused: (status, body, retryAfterMs) => {
          run(() => {
            over();
            handlers.refused(status, body, retryAfterMs);
          });
        },
        closed: (code, reason) => {
          run(() => {
            over();
            handlers.closed(code, reason);
          });
        },
      });
      if (this.#alive) this.#sockets.add(terminate);
      else socket.terminate();
      return {
        send: (data) => this.#alive && socket.send(data),
        get bufferedBytes() {
          return socket.bufferedBytes;
        },
        close: (code, reason) => this.#alive && socket.close(code, reason),
        terminate: () => this.#alive && socket.terminate(),
      };
    };
  }

  /** An HTTP client whose requests travel for a while, and end with their signal. */
  http(answer: (authorization: string) => HttpResponse, milliseconds: () => number): HttpClient {
    return (request) => this.answer(milliseconds(), () => answer(request.headers?.authorization ?? ''), request.signal);
  }

  /** What is asked of somebody else: answered later, or never (`undefined` milliseconds), or given up by its signal. */
  answer<Value>(milliseconds: number | undefined, make: () => Value, signal: AbortSignal | undefined): Promise<Value> {
    this.#requests += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    let open = true;
    const end = (settle: () => void) => {
      if (!open) return;
      open = false;
      this.#requests -= 1;
      settle();
    };
    const reply = () =>
      end(() => {
        try {
          resolve(make());
        } catch (error) {
          reject(error);
        }
      });
    if (milliseconds !== undefined) {
      this.#sim.after(milliseconds, () => this.#machine.run(() => this.#alive && reply()));
    }
    signal?.addEventListener('abort', () => end(() => reject(new Error('The request was given up.'))), { once: true });
    return promise;
  }

  /** The process ends: nothing of it runs any more, and its sockets are closed by the system. */
  kill(): void {
    this.vanish();
    for (const terminate of [...this.#sockets]) terminate();
    this.#sockets.clear();
  }

  /** The machine is gone: nobody closes its sockets. */
  vanish(): void {
    this.#alive = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #after(milliseconds: number, task: () => void): Cancel {
    if (!this.#alive) return () => {};
    const deadline = this.#machine.monotonic() + Math.max(0, milliseconds);
    const timer: { cancel: Cancel } = { cancel: () => {} };
    const set = (left: number) => {
      // Whole milliseconds, as timers have them: a part too small for the clock would be waited for without end.
      timer.cancel = this.#sim.after(Math.ceil(left), () => this.#machine.run(fire));
    };
    const fire = () => {
      if (!this.#timers.has(timer)) return;
      // The clock that timers run by may have stood still in the meantime.
      const left = deadline - this.#machine.monotonic();
      if (left > 0) {
        set(left);
        return;
      }
      this.#timers.delete(timer);
      task();
    };
    this.#timers.add(timer);
    set(Math.max(0, milliseconds));
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }
}
