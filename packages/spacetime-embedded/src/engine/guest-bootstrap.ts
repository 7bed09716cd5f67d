import { Script } from 'node:vm';

/** Makes values of the guest realm, so that `instanceof` of the module holds for them. */
export interface GuestTools {
  bytes(source: Uint8Array): Uint8Array;
  error(message: string): Error;
  typeError(message: string): Error;
  rangeError(message: string): Error;
  object(entries: readonly (readonly [string, unknown])[]): object;
  list(items: readonly unknown[]): unknown[];
}

/** What the bootstrap needs of the host. */
export interface HostText {
  encode(text: string): Uint8Array;
  encodeInto(text: string, into: Uint8Array): { readonly read: number; readonly written: number };
  decoder(label: string, fatal: boolean, ignoreBOM: boolean): (input: unknown, stream: boolean) => string;
}

/**
 * Runs first in every realm: takes away what the real host does not have and adds the two text coders, as classes of
 * this realm.
 */
export const guestBootstrap = new Script(
  `(function (host) {
  'use strict';
  delete globalThis.console;
  delete Math.random;
  const plain = host.decoder('utf-8', false, false);
  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return new Uint8Array(host.encode(String(text))); }
    encodeInto(text, into) {
      const { read, written } = host.encodeInto(String(text), into);
      return { read, written };
    }
  }
  class TextDecoder {
    #decode; #fatal; #ignoreBOM;
    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      this.#fatal = Boolean(fatal);
      this.#ignoreBOM = Boolean(ignoreBOM);
      const isPlain = label === 'utf-8' && !this.#fatal && !this.#ignoreBOM;
      try { this.#decode = isPlain ? undefined : host.decoder(String(label), this.#fatal, this.#ignoreBOM); }
      catch { throw new RangeError('The encoding label provided is invalid'); }
    }
    get encoding() { return 'utf-8'; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }
    decode(input, { stream = false } = {}) {
      if (input === undefined && !stream && this.#decode === undefined) return '';
      if (stream) this.#decode ??= host.decoder('utf-8', false, false);
      try { return (this.#decode ?? plain)(input, Boolean(stream)); }
      catch (error) { throw new TypeError(String(error && error.message)); }
    }
  }
  // Reducers are synchronous, and what they promise is ignored. A rejected promise must not count as unhandled either:
  // that would end the process of the host.
  const Intrinsic = Promise;
  const { then } = Intrinsic.prototype;
  const ignore = () => undefined;
  class GuardedPromise extends Intrinsic {
    static get [Symbol.species]() { return Intrinsic; }
    constructor(executor) {
      super(executor);
      then.call(this, undefined, ignore);
    }
  }
  Object.defineProperty(GuardedPromise, 'name', { value: 'Promise' });
  for (const value of [TextEncoder, TextDecoder, GuardedPromise]) {
    Object.defineProperty(globalThis, value.name, { value, writable: true, configurable: true, enumerable: false });
  }
  return {
    bytes: (source) => new Uint8Array(source),
    error: (message) => new Error(message),
    typeError: (message) => new TypeError(message),
    rangeError: (message) => new RangeError(message),
    object: (entries) => {
      const out = {};
      for (const [name, value] of entries) out[name] = value;
      return out;
    },
    list: (items) => Array.from(items),
  };
})`,
  { filename: 'realm.js' },
);
