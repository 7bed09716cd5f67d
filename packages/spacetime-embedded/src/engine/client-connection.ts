/** A client that is connected, for a websocket or for one HTTP call. */
export interface ClientConnection {
  readonly identity: string;
  /** 32 lowercase hex digits. */
  readonly connectionId: string;
  /** The claims of the token that was presented, as JSON text. */
  readonly jwtPayload: string;
}
