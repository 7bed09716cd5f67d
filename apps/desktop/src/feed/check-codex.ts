import { isCodedError } from '@autopilot/sync-contract';
import { findCodex } from '../codex/find-codex.ts';
import { usableFolder } from './codex-folder.ts';

/** The one JSON line of `--check-codex`. */
export type CodexCheck =
  | { readonly codex: { readonly file: string; readonly by: string } }
  | { readonly error: { readonly code: string; readonly message: string; readonly next: string } };

/** Looks whether a live Codex could be started here, and starts nothing. */
export function checkCodex(
  codexDir: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): CodexCheck {
  try {
    const codex = findCodex({ env });
    if (codexDir !== undefined) usableFolder(codexDir);
    return { codex };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { error: { code: error.code, message: (error as Error).message, next: error.next } };
  }
}
