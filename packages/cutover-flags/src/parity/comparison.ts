/** What became of one position of one stream. */
export const comparisonResults = [
  'match',
  'mismatch',
  'missing_left',
  'missing_right',
  'extra',
  'reordered',
  'late',
  'ignored',
] as const;

/**
 * `match`: both sides have the event and the same hash. `mismatch`: another hash. `missing_left`, `missing_right`: one
 * side did not bring it within the tolerance. `extra`: one side brought the position twice. `reordered`: the event came
 * after a later one of its side. `late`: it matched, but after the tolerance. `ignored`: a rule that has not expired
 * excuses it.
 */
export type ComparisonResult = (typeof comparisonResults)[number];

/** How many of each. */
export type ComparisonCounts = Readonly<Record<ComparisonResult, number>>;
