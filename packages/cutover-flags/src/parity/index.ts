export { type Comparator, createComparator } from './comparator.ts';
export { type ComparisonCounts, type ComparisonResult, comparisonResults } from './comparison.ts';
export type { DiffLine, Redact } from './diff.ts';
export { ParityError, type ParityErrorCode, parityErrors } from './errors.ts';
export { type ComparedEvent, type ComparedField, comparedFields, type Side } from './event.ts';
export type { IgnoreRule, OverdueRule } from './ignore-rules.ts';
export {
  type NoiseFloor,
  type NoiseLimits,
  type NoiseVerdict,
  noiseFloor,
  noiseOf,
  overNoise,
  type ParityMeasures,
  parityMeasures,
} from './noise.ts';
export {
  type ComparatorLimits,
  type ComparatorOptions,
  type ComparisonPair,
  comparisonPairs,
  defaultLimits,
} from './options.ts';
export { parseWindow } from './parse-window.ts';
export { compareRecordings, type RecordingLines, type RecordingOptions, recordingLine } from './recordings.ts';
export { renderDiff, type Sample, type SampledEvent } from './samples.ts';
export { addTotals, type Compared, differencesOf, type ParityTotals, type RateSpread, totalsOf } from './totals.ts';
export {
  mergeWindows,
  type NotComparedReason,
  notComparedReasons,
  type PausedInterval,
  type ParityWindow,
  type StreamChains,
} from './window.ts';
