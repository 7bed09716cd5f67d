export { type Finding, type FindingKind, findingKinds } from './finding.ts';
