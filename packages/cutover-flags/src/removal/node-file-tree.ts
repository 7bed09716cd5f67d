import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { RemovalError } from './errors.ts';
import type { FileTree, TreeEntry } from './file-tree.ts';

/** Inside these folders nothing is listed; the folders of packages themselves are. */
const unlisted = new Set(['.git']);

/** The files and folders under a folder on disk. Links are listed as files and not followed. */
export function nodeFileTree(root: string): FileTree {
  return {
    list: () => walk(root, ''),
    read: (file) => readFile(path.join(root, file)),
  };
}

async function* walk(root: string, folder: string): AsyncGenerator<TreeEntry> {
  const entries = await readdir(path.join(root, folder), { withFileTypes: true }).catch((cause: unknown) => {
    throw new RemovalError('tree_unreadable', `The folder "${folder === '' ? root : folder}" cannot be read.`, {
      cause,
    });
  });
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      yield { path: name, size: 0, folder: true };
      if (unlisted.has(entry.name)) continue;
      if (entry.name === 'node_modules') yield* installed(root, name);
      else yield* walk(root, name);
    } else if (entry.isFile()) {
      yield { path: name, size: (await lstat(path.join(root, name))).size };
    } else {
      // A link, such as an installed workspace package: its path tells, its content is listed where it is.
      yield { path: name, size: 0, folder: true };
    }
  }
}

/** Of installed packages only the names. */
async function* installed(root: string, folder: string): AsyncGenerator<TreeEntry> {
  for (const name of await readdir(path.join(root, folder))) {
    yield { path: `${folder}/${name}`, size: 0, folder: true };
    if (!name.startsWith('@')) continue;
    for (const inner of await readdir(path.join(root, folder, name))) {
      yield { path: `${folder}/${name}/${inner}`, size: 0, folder: true };
    }
  }
}
