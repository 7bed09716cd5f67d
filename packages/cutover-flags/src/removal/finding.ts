/** Where the lane was found. */
export const findingKinds = [
  'import',
  'manifest',
  'lockfile',
  'bundle',
  'toggle',
  'config',
  'endpoint',
  'document',
  'leftover',
  'unread',
  'overdue-allowance',
] as const;

/**
 * `import`: code that loads the legacy package or a lane file. `manifest`, `lockfile`: it is still declared or locked.
 * `bundle`: built code still holds its strings. `toggle`: an environment variable of the cutover. `config`: settings of the
 * lane, and code that names the package or a lane file without loading it. `endpoint`: addresses of the lane. `document`: text that speaks of the lane in the present tense or tells how to use
 * it. `leftover`: a file at a retired path. `unread`: a file that could not be looked into. `overdue-allowance`: an
 * entry of the allow file whose time is over.
 */
export type FindingKind = (typeof findingKinds)[number];

/** One place that still knows the lane. */
export interface Finding {
  readonly file: string;
  /** From 1; 0 where the finding is the file itself. */
  readonly line: number;
  readonly kind: FindingKind;
  /** What stands there, cut to a readable length. */
  readonly text: string;
  /** What to do about it, one sentence. */
  readonly next: string;
}
