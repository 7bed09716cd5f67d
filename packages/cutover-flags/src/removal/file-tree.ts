/** One entry of a tree. */
export interface TreeEntry {
  /** Relative to the root, with `/` between folders. */
  readonly path: string;
  /** Bytes; 0 for a folder. */
  readonly size: number;
  /** Folders are only looked at by their path; a tree need not list them. */
  readonly folder?: boolean;
  /** Whether version control knows it; not given where nobody knows. */
  readonly tracked?: boolean;
}

/** What is scanned: a folder on disk, a commit, an archive. */
export interface FileTree {
  /** Every file, in any order; untracked ones as well. May leave out what `skipped` folders hold. */
  list(): AsyncIterable<TreeEntry> | Iterable<TreeEntry>;
  read(path: string): Promise<Uint8Array>;
}
