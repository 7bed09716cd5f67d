import type { RecoveryReport } from './store.ts';

/** What lies at the path of a store when it is opened: exactly one of these. */
export type FileClass = 'new' | 'gone' | 'held' | 'foreign' | 'newer' | 'unreadable' | 'inconsistent' | 'sound';

type Row =
  | { readonly action: 'make' | 'open' }
  | { readonly action: 'refuse'; readonly code: 'locked' | 'not_a_checkpoint_file' | 'schema_newer' }
  | { readonly action: 'rebuild'; readonly recovered: RecoveryReport['reason'] };

/** What is done with a file, as data: one row for every class. Only `make` and `open` go on with what is there. */
export const openingTable = {
  new: { action: 'make' },
  gone: { action: 'rebuild', recovered: 'missing' },
  held: { action: 'refuse', code: 'locked' },
  foreign: { action: 'refuse', code: 'not_a_checkpoint_file' },
  newer: { action: 'refuse', code: 'schema_newer' },
  unreadable: { action: 'rebuild', recovered: 'corrupt' },
  inconsistent: { action: 'rebuild', recovered: 'inconsistent' },
  sound: { action: 'open' },
} as const satisfies Record<FileClass, Row>;
