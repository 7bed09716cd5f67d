/** An open websocket, as the database that it is on knows it. */
export interface ConnectedClient {
  /** 32 hex digits. */
  readonly connectionId: string;
  /** More of the log is on disk. */
  wake(): void;
  /** Stops reading and writing, or goes on with both. */
  stall(isStalled: boolean): void;
  /** Closes with a code and drops the socket when the client does not answer. */
  close(code: number, reason: string): void;
  /** Drops the socket without a word, as a broken network does. */
  drop(): void;
}
