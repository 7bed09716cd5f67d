import { readFileSync } from 'node:fs';
import { type CutoverConfig, parseCutoverConfig } from '@autopilot/cutover-flags';
import { ControlError } from '../errors.ts';

/**
 * Reads a cutover configuration.
 *
 * @throws {ControlError} `config_invalid`.
 */
export function readCutoverConfig(path: string): CutoverConfig {
  try {
    return parseCutoverConfig(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ControlError('config_invalid', `The cutover configuration ${path} is refused: ${why}`, { cause });
  }
}
