import type { IncomingMessage } from 'node:http';
import type { Ports } from '@autopilot/sync-contract';
import type { Tokens } from '../auth/tokens.ts';
import type { DatabaseDirectory } from '../database-directory.ts';
import type { Limits } from '../limits.ts';

/** What the routes work on. */
export interface ApiContext {
  readonly tokens: Tokens;
  readonly ports: Ports;
  readonly limits: Limits;
  readonly databases: DatabaseDirectory;
  /** Whether everybody with a token may create databases, or the owner of the first one alone. */
  readonly anybodyMayPublish: boolean;
}

/** One request, its URL taken apart. */
export interface ApiRequest {
  readonly incoming: IncomingMessage;
  readonly url: URL;
  /** What the pattern of the route captured. */
  readonly params: readonly string[];
}
