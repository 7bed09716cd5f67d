import { accessSync, constants, mkdirSync, mkdtempSync, statSync } from 'node:fs';
import path from 'node:path';
import { CodexError } from '../codex/errors.ts';

/** Where Codex works, and how it is told to look at the folder. */
export interface CodexFolder {
  readonly workDir: string;
  readonly extraArgs: readonly string[];
}

/**
 * The folder that the user named, or a new one in the data folder.
 *
 * @throws {CodexError} `work_dir_unusable`.
 */
export function codexFolder(named: string | undefined, dataDir: string): CodexFolder {
  if (named !== undefined) return { workDir: usableFolder(named), extraArgs: [] };
  const parent = path.resolve(dataDir, 'codex-work');
  mkdirSync(parent, { recursive: true });
  // The data folder may lie in a repository, whose instructions and settings are not meant for this run: without
  // markers Codex takes the folder itself for the root of its project.
  return { workDir: mkdtempSync(path.join(parent, 'run-')), extraArgs: ['-c', 'project_root_markers=[]'] };
}

/**
 * The absolute path of an existing folder that can be read and written.
 *
 * @throws {CodexError} `work_dir_unusable`.
 */
export function usableFolder(named: string): string {
  const folder = path.resolve(named);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new CodexError('work_dir_unusable', `Codex cannot work in "${folder}" (${code}).`, { cause });
  }
  if (!statSync(folder).isDirectory()) {
    throw new CodexError('work_dir_unusable', `Codex cannot work in "${folder}": it is no folder.`);
  }
  return folder;
}
