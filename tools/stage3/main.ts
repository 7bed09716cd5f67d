// `pnpm stage3`: the proof that removal is deletion. See prove-removal.ts.
//
//   --commit REF   the tracked files of a commit instead of those of the work tree
//   --keep         leaves the copy, and says where it is
import path from 'node:path';
import { parseArgs } from 'node:util';
import { proveRemoval } from './prove-removal.ts';
import { khalaRemoval } from './removal.ts';

const { values } = parseArgs({ options: { commit: { type: 'string' }, keep: { type: 'boolean', default: false } } });
const proved = await proveRemoval({
  root: path.join(import.meta.dirname, '..', '..'),
  removal: khalaRemoval,
  ...values,
  say: (line) => process.stdout.write(`${line}\n`),
});
process.exit(proved ? 0 : 1);
