import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { atEnd } from './cleanup.ts';

/** A new folder that is removed when the test file has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'control-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
