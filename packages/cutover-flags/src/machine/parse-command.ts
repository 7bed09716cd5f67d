import type { CutoverCommand } from './command.ts';

/** A command as it comes over a wire. Strict. @throws {CutoverError} `invalid_command` */
export function parseCommand(_value: unknown): CutoverCommand {
  throw new Error('not yet');
}
