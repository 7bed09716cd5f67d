import path from 'node:path';
import { z } from 'zod';
import { askPart } from './ask-part.ts';
import { LaunchError } from './errors.ts';
import { desktopEntry } from './lane-parts.ts';

// What `--check-codex` of the desktop prints.
const codexCheck = z.union([
  z.object({ codex: z.object({ file: z.string(), by: z.string() }) }),
  z.object({ error: z.object({ code: z.string(), message: z.string(), next: z.string() }) }),
]);

/**
 * Asks the desktop where it finds Codex, before anything is started.
 *
 * @throws {LaunchError} `codex_not_installed` or `codex_dir_unusable`, with what to do.
 */
export async function findCodex(codexDir: string | undefined): Promise<string> {
  const dir = codexDir === undefined ? [] : [`--codex-dir=${path.resolve(codexDir)}`];
  const stdout = await askPart(desktopEntry, ['--check-codex', ...dir], process.env);
  const check = stdout.startsWith('{') ? codexCheck.parse(JSON.parse(stdout)) : undefined;
  if (check === undefined) throw new LaunchError('part_failed', 'the desktop could not look for Codex.');
  if ('codex' in check) return check.codex.file;
  const { code, message, next } = check.error;
  const known = code === 'codex_not_installed' ? code : 'codex_dir_unusable';
  throw new LaunchError(known, known === code ? `${message} ${next}` : message);
}
