export { type ComparisonCounts, type ComparisonResult, comparisonResults } from './comparison.ts';
export { ParityError, type ParityErrorCode, parityErrors } from './errors.ts';
