import type { IncomingMessage } from 'node:http';
import type { Ports } from '@autopilot/sync-contract';
import type { Tokens } from '../auth/tokens.ts';
import type { ServedDatabase } from '../served-database.ts';

/** What the routes work on. */
export interface ApiContext {
  readonly tokens: Tokens;
  readonly ports: Ports;
  /** The name under which the database is addressed. */
  readonly databaseName: string;
  /** Hex; the database is addressed by it too. */
  readonly databaseIdentity: string;
  /** Hex. */
  readonly owner: string;
  /** Undefined until a module was published. */
  database(): ServedDatabase | undefined;
  /** Opens the database with a module, or replaces the one that is open. */
  publish(module: Uint8Array): Promise<'created' | 'updated'>;
}

/** One request, its URL taken apart. */
export interface ApiRequest {
  readonly incoming: IncomingMessage;
  readonly url: URL;
  /** What the pattern of the route captured. */
  readonly params: readonly string[];
}
