import type { Ports } from '@autopilot/sync-contract';
import type { HttpAnswer } from './http-request.ts';

/** Somebody with a token. */
export interface Caller {
  /** Hex. */
  readonly identity: string;
  readonly token: string;
}

/** What goes with a request. */
export interface RequestOptions {
  readonly token?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that can be asked. */
export interface ServerAccess {
  /** Without a slash at its end. */
  readonly uri: string;
  readonly ports: Ports;
  request(method: string, path: string, options?: RequestOptions): Promise<HttpAnswer>;
}
