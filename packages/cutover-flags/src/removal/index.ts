export { type Allowance, allowableKinds, allowForm, parseAllowFile } from './allow-file.ts';
export { RemovalError, type RemovalErrorCode, removalErrors } from './errors.ts';
export type { FileTree, TreeEntry } from './file-tree.ts';
export { type Finding, type FindingKind, findingKinds } from './finding.ts';
export { nodeFileTree } from './node-file-tree.ts';
export { removalObservation } from './observation.ts';
export type { RemovalOptions, RemovalProgress } from './options.ts';
export { countByKind, type RemovalResult, type Scanned, scanForLane } from './scan.ts';
