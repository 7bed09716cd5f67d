import type { CutoverConfig } from './config.ts';

/** The configuration that a JSON value holds; members that are not there have their default. Strict. @throws {CutoverError} `invalid_config` */
export function parseCutoverConfig(_value: unknown): CutoverConfig {
  throw new Error('not yet');
}
