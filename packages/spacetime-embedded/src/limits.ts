/** What a client may do. The defaults are upstream's; tests of clients make them small. */
export interface Limits {
  /** Client messages that may wait; with one more the connection is closed with 1013. */
  readonly inbox: number;
  /** Messages that may wait for one client; with one more it is dropped. */
  readonly outbox: number;
  /** The largest message of a client, in bytes. */
  readonly messageBytes: number;
  /** Milliseconds between pings. */
  readonly pingInterval: number;
  /** Milliseconds without anything from the client after which it is given up. */
  readonly idleTimeout: number;
}

/** The limits of a host that is given none. */
export const defaultLimits: Limits = {
  inbox: 16_384,
  outbox: 16 * 1024,
  messageBytes: 32 * 1024 * 1024,
  pingInterval: 15_000,
  idleTimeout: 30_000,
};
