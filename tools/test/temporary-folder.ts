import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Files by their path in a folder. */
export type FileTree = Readonly<Record<string, string | object>>;

/** Writes files; objects as JSON. */
function writeTree(folder: string, tree: FileTree): void {
  for (const [file, content] of Object.entries(tree)) {
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  }
}

/** Runs a test in a folder of its own. */
export async function withTree(tree: FileTree, body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tools-'));
  try {
    writeTree(folder, tree);
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
