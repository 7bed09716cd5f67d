import type { DbConnectionImpl } from 'spacetimedb';

type Config = ConstructorParameters<typeof DbConnectionImpl>[0];
type Adapter = Awaited<ReturnType<Config['createWSFn']>>;

/** A transport for the official client: takes what it sends, and hands it frames at once. */
export class ScriptedAdapter implements Adapter {
  readonly protocol = 'v3.bsatn.spacetimedb';
  readonly readyState = 1;
  readonly isListenedTo: Promise<void>;
  readonly #listened: () => void;
  #open: () => void = () => {};
  #message: (message: { data: Uint8Array }) => void = () => {};

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.isListenedTo = promise;
    this.#listened = resolve;
  }

  set onopen(handler: () => void) {
    this.#open = handler;
  }

  set onmessage(handler: (message: { data: Uint8Array }) => void) {
    // The last one that the client sets.
    this.#message = handler;
    this.#listened();
  }

  set onclose(_handler: Adapter['onclose']) {}

  set onerror(_handler: Adapter['onerror']) {}

  open(): void {
    this.#open();
  }

  receive(frame: Uint8Array): void {
    this.#message({ data: frame.subarray(1) });
  }

  send(): void {}

  close(): void {}
}
