import type { SessionOptions } from './options.ts';
import type { Session } from './session.ts';
import { SpacetimeSession } from './spacetime-session.ts';

/**
 * Makes a session; it does nothing before `start()`.
 *
 * @throws {SessionError} `invalid_options` with `details.option`.
 */
export function createSession(options: SessionOptions): Session {
  return new SpacetimeSession(options);
}
